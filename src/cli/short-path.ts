import type { Runtime } from '../rpc/client/index.ts';
import type { ResultOf } from '../rpc/protocol/table.ts';
import { usageError } from './errors.ts';
import { visibleLine } from './text.ts';

type Command = ResultOf<'stream/list'>[number];

/** Rows of one page. */
const PAGE = 1000;
/** Choices that an error names. */
const NAMED = 5;

/** Every command of a run, oldest first. */
export async function commandsOf(session: Runtime, run: string): Promise<Command[]> {
  const all: Command[] = [];
  for (let page: Command[] | undefined; page === undefined || page.length === PAGE; ) {
    page = await session.look('stream/list', { run, limit: PAGE, offset: all.length });
    all.push(...page);
  }
  return all.reverse();
}

/**
 * The path that is meant: a whole one as it is, `#3` or `3` for the third command of the run, `last`, or the end of one path alone
 * (SPEC {#cli_paths}). Throws a usage error that names the choices.
 */
export async function pathOf(session: Runtime, run: string, given: string): Promise<string> {
  if (given.includes('://')) return given;
  const paths = (await commandsOf(session, run)).map(({ path }) => path);
  return meant(given, paths, { what: `command of ${run}`, listing: `headgate ps --all --run ${run}` });
}

/** The one of `paths`, oldest first, that is meant. */
export function meant(given: string, paths: readonly string[], { what, listing }: { what: string; listing: string }): string {
  if (given.includes('://')) return given;
  const number = /^#?(\d+)$/.exec(given)?.[1];
  const found = number !== undefined ? paths.at(Number(number) - 1) : given === 'last' ? paths.at(-1) : undefined;
  if (found !== undefined && number !== '0') return found;
  const ending = paths.filter((path) => path.endsWith(`/${given}`));
  const near = ending.length > 0 ? ending : paths.filter((path) => path.endsWith(given));
  const [only, ...others] = near;
  if (only === undefined) throw usageError(`no ${what} is, or ends with, ${visibleLine(given)}`, `${listing} lists them`);
  if (others.length > 0)
    throw usageError(`${near.length} of them end with ${visibleLine(given)}; name one`, near.slice(-NAMED).map(visibleLine).join('\n  '));
  return only;
}
