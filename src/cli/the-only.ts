import type { Runtime } from '../rpc/client/index.ts';
import { usageError } from './errors.ts';

/** The path that was given, else the only live command of the run, where none lives the only one that has left something running. Throws a usage error that names the choices. */
export async function liveCommand(session: Runtime, run: string, path: string | undefined, verb: string): Promise<string> {
  if (path !== undefined) return path;
  const open = await session.look('stream/list', { run, state: 'open' });
  const live = open.filter(({ leftover }) => leftover === null);
  return theOnly(
    (live.length > 0 ? live : open).map((one) => one.path),
    { none: `no command of ${run} runs`, see: 'headgate ps --all shows those that have ended', many: `commands of ${run} run` },
    (one) => `headgate ${verb} ${run} ${one}`,
  );
}

/** The only one of several things. Throws a usage error that says there is none, or how to name each. */
export function theOnly(
  paths: readonly string[],
  words: { readonly none: string; readonly see: string; readonly many: string },
  command: (path: string) => string,
): string {
  const [first] = paths;
  if (first === undefined) throw usageError(words.none, words.see);
  if (paths.length > 1) throw usageError(`${paths.length} ${words.many}; name one`, paths.map(command).join('\n  '));
  return first;
}
