import type { ParsedParamsOf, ResultOf } from '../../protocol/table.ts';
import type { Call, Handlers } from '../handler.ts';
import { given } from '../runtime-port.ts';
import { rowsOf, screenOf } from '../screens.ts';

/** Entry operations (SPEC {#entries}). */
export const entryHandlers: Handlers<'getEntries' | 'get' | 'set' | 'rm' | 'mv' | 'cp' | 'sh' | 'env'> = {
  getEntries: (params, { parts, caller }) => parts.runtime.entries.list(caller().project.id, given(params)),
  get: async ({ format, ...params }, call) => {
    const { run, path, ...part } = params;
    if (format === 'screen') return await getScreen(params, call);
    return call.parts.runtime.entries.get(call.caller().project.id, run, path, given(part));
  },
  set: ({ run, ...change }, { parts, caller }) => parts.runtime.entries.set(caller(), run, given(change)),
  rm: ({ run, path }, { parts, caller }) => {
    parts.runtime.entries.rm(caller(), run, path);
    return { ok: true };
  },
  mv: ({ run, path, to }, { parts, caller }) => parts.runtime.entries.mv(caller(), run, path, to),
  cp: ({ run, path, to }, { parts, caller }) => parts.runtime.entries.cp(caller(), run, path, to),
  sh: (params, { parts, caller }) => parts.runtime.command(caller(), 'sh', given(params)),
  env: (params, { parts, caller }) => parts.runtime.command(caller(), 'env', given(params)),
};

/** A channel with the picture of its output for a body; `line` and `limit` are rows of it (SPEC {#screen}). */
async function getScreen(params: ParsedParamsOf<'get'>, { parts, caller, signal }: Call): Promise<ResultOf<'get'>> {
  const { run, path, channel = 1, line, limit } = params;
  const project = caller().project.id;
  const { truncated, encoding, ...entry } = parts.runtime.entries.get(project, run, path, { channel, line: 1, limit: 1 });
  const runId = parts.runtime.requireRun(project, run).id;
  const picture = await screenOf(parts.streams, { runId, path, channel, signal });
  const total = picture.text.length;
  const first = line === undefined || line > 0 ? (line ?? 1) : Math.max(1, total + line + 1);
  const { text } = rowsOf(picture, { first, count: limit ?? total });
  return { ...entry, body: text, line: first, ...(picture.from > 0 ? { truncated: true as const } : {}) };
}
