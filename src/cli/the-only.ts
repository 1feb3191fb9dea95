import type { Runtime } from '../rpc/client/index.ts';
import { usageError } from './errors.ts';

/** The path that was given, else the only live command of the run. Throws a usage error that names the choices. */
export async function liveCommand(session: Runtime, run: string, path: string | undefined, verb: string): Promise<string> {
  if (path !== undefined) return path;
  const live = await session.look('stream/list', { run, state: 'live' });
  return theOnly(
    live.map((one) => one.path),
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
