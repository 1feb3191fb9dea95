import { HeadgateError } from '../../../core/errors.ts';
import { given } from '../../../core/given.ts';
import type { ParsedParamsOf, ResultOf } from '../../protocol/table.ts';
import { allows } from '../access.ts';
import type { Call, Handlers } from '../handler.ts';
import { rowsOf, screenOf } from '../screens.ts';

/** Entry operations (SPEC {#entries}). */
export const entryHandlers: Handlers<'getEntries' | 'get' | 'set' | 'rm' | 'mv' | 'cp' | 'store' | 'sh' | 'env'> = {
  getEntries: (params, { parts, caller, redacts }) =>
    parts.runtime.entries.list(caller().sight, { ...given(params), redact: redacts(params.redact) }),
  get: async ({ format, ...params }, call) => {
    const { run, path, redact, ...part } = params;
    if (isFile(path)) return await getFile(params, format, call);
    if (format === 'screen') return await getScreen(params, call);
    if (format === 'digest') return await getDigest(params, call);
    return call.parts.runtime.entries.get(call.caller().sight, run, path, { ...given(part), redact: call.redacts(redact) });
  },
  set: ({ run, ...change }, { parts, caller }) => {
    if (!isFile(change.path)) return parts.runtime.entries.set(caller(), run, given(change));
    parts.runtime.requireRun(caller().sight, run);
    return parts.runtime.files.set(caller(), run, given(change));
  },
  rm: ({ run, path }, { parts, caller }) => {
    if (!isFile(path)) parts.runtime.entries.rm(caller(), run, path);
    else {
      parts.runtime.requireRun(caller().sight, run);
      parts.runtime.files.rm(caller(), path);
    }
    return { ok: true };
  },
  mv: (params, call) => transfer('move', params, call),
  cp: (params, call) => transfer('copy', params, call),
  store: (params, { parts, caller }) => parts.runtime.constrainFiles(caller(), given(params)),
  sh: (params, call) => begin('sh', params, call),
  env: (params, call) => begin('env', params, call),
};

/** A command of a client, within what its token may have at once (SPEC {#caller_limits}). */
function begin<A extends 'sh' | 'env'>(action: A, params: ParsedParamsOf<A>, { parts, caller, session }: Call): Promise<ResultOf<'sh'>> {
  const { runtime, store, begun } = parts;
  const who = caller();
  return begun.one(
    session.grant,
    () => runtime.command(who, action, given(params)),
    ({ run, path }) => store.entries.get(runtime.requireRun(who.sight, run).id, path)?.id,
  );
}

function isFile(path: string): boolean {
  return path.startsWith('file://');
}

/**
 * A file of the project. A token that may only look names any folder as its project, so reading files takes one that may
 * run commands, which read them anyway (SPEC {#files}).
 */
async function getFile(
  { run, path, line, limit, channel }: ParsedParamsOf<'get'>,
  format: string | undefined,
  call: Call,
): Promise<ResultOf<'get'>> {
  const { parts, caller, session } = call;
  if (!allows(session.scope, 'run')) {
    throw new HeadgateError('forbidden', `reading files needs a token of scope "run"; this one has "${session.scope}"`, { scope: 'run' });
  }
  if ((format ?? 'raw') !== 'raw' || channel !== undefined)
    throw new HeadgateError('invalid_params', `${path} is a file, which has neither channels nor a screen or digest`, { field: 'path' });
  parts.runtime.requireRun(caller().sight, run);
  return await parts.runtime.files.get(caller(), run, path, given({ line, limit }));
}

function transfer(
  op: 'move' | 'copy',
  { run, path, to }: ParsedParamsOf<'mv'>,
  { parts, caller }: Call,
): ResultOf<'mv'> | Promise<ResultOf<'mv'>> {
  if (!isFile(path) && !isFile(to)) return parts.runtime.entries[op === 'move' ? 'mv' : 'cp'](caller(), run, path, to);
  parts.runtime.requireRun(caller().sight, run);
  return parts.runtime.files.transfer(caller(), run, op, path, to);
}

/** A channel with the picture of its output for a body; `line` and `limit` are rows of it (SPEC {#screen}). */
async function getScreen(params: ParsedParamsOf<'get'>, { parts, caller, redacts, signal }: Call): Promise<ResultOf<'get'>> {
  const { run, path, channel = 1, line, limit } = params;
  const { sight } = caller();
  const redact = redacts(params.redact);
  const { truncated, encoding, ...entry } = parts.runtime.entries.get(sight, run, path, { channel, line: 1, limit: 1, redact });
  const runId = parts.runtime.requireRun(sight, run).id;
  const picture = await screenOf(parts.streams, { runId, path, channel, redact, signal });
  const total = picture.text.length;
  const first = line === undefined || line > 0 ? (line ?? 1) : Math.max(1, total + line + 1);
  const { text } = rowsOf(picture, { first, count: limit ?? total });
  return { ...entry, body: text, line: first, ...(picture.from > 0 ? { truncated: true as const } : {}) };
}

/** A channel with its digest for a body (SPEC {#digest}). */
async function getDigest({ run, path, channel, line, limit }: ParsedParamsOf<'get'>, { parts, caller }: Call): Promise<ResultOf<'get'>> {
  const field = line === undefined ? 'limit' : 'line';
  if (line !== undefined || limit !== undefined)
    throw new HeadgateError('invalid_params', `a digest is of the whole output; leave ${field} out, or format`, { field });
  return await parts.runtime.entries.digest(caller().sight, run, path, channel);
}
