import type { Runtime } from '../rpc/client/index.ts';
import { usageError } from './errors.ts';
import { pathOf } from './short-path.ts';

/** The path that was given, else the only live command of the run, where none lives the only one that has left something running. Throws a usage error that names the choices. */
export async function liveCommand(session: Runtime, run: string, path: string | undefined, verb: string): Promise<string> {
  if (path !== undefined) return await pathOf(session, run, path);
  const open = await session.look('stream/list', { run, state: 'open' });
  const live = open.filter(({ leftover }) => leftover === null);
  return theOnly(
    (live.length > 0 ? live : open).map((one) => one.path),
    { none: usageError(`no command of ${run} runs`, 'headgate ps --all shows those that have ended'), many: `commands of ${run} run` },
    (one) => `headgate ${verb} ${run} ${one}`,
  );
}

/** The only one of several things. Throws `none` for an empty list, and a usage error that names each one if there are several. */
export function theOnly(
  paths: readonly string[],
  words: { readonly none: Error; readonly many: string },
  command: (path: string) => string,
): string {
  const [first] = paths;
  if (first === undefined) throw words.none;
  if (paths.length > 1) throw usageError(`${paths.length} ${words.many}; name one`, paths.map(command).join('\n  '));
  return first;
}
