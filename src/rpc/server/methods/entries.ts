import type { Handlers } from '../handler.ts';
import { given } from '../runtime-port.ts';

/** Entry operations (SPEC {#entries}). */
export const entryHandlers: Handlers<'getEntries' | 'get' | 'set' | 'rm' | 'mv' | 'cp' | 'sh' | 'env'> = {
  getEntries: (params, { parts, caller }) => parts.runtime.entries.list(caller().project.id, given(params)),
  get: ({ run, path, ...part }, { parts, caller }) => parts.runtime.entries.get(caller().project.id, run, path, given(part)),
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
