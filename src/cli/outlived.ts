import type { Console } from './console.ts';
import { CliError } from './errors.ts';
import { EXIT } from './exit-codes.ts';
import type { CliHost, OutlivedCommand } from './host.ts';
import { type ListOptions, printListing } from './listing.ts';
import { dataFolder } from './locate.ts';
import { formatDuration } from './text.ts';

/** How many commands go on and for how long, in words: `2 commands go on: 1 for ever, 1 for 24h without a server`. */
export function goOn(commands: readonly OutlivedCommand[]): string {
  if (commands.length === 0) return 'no command runs on';
  const counts = new Map<string, number>();
  for (const { lifetime } of commands) counts.set(lifetime, (counts.get(lifetime) ?? 0) + 1);
  const parts = [...counts].map(
    ([lifetime, count]) => `${count} ${lifetime === 'forever' ? 'for ever' : `for ${lifetime} without a server`}`,
  );
  return `${countOf(commands.length)} on: ${parts.join(', ')}`;
}

function countOf(count: number): string {
  return count === 1 ? '1 command goes' : `${count} commands go`;
}

/**
 * Lists what goes on without a server, where a listing found none to ask, and fails as that did (SPEC {#lifetime_shown}). Throws
 * `error` unchanged when it is something else, or the server is not one of this host.
 */
export async function listOutlived(
  console: Console,
  host: Pick<CliHost, 'outlived'>,
  options: ListOptions & { readonly run?: string },
  error: unknown,
): Promise<never> {
  const { env } = console;
  const named = options.url !== undefined || options.socket !== undefined;
  const elsewhere = named || (options.data === undefined && Boolean(env['HEADGATE_URL'] || env['HEADGATE_SOCKET']));
  if (!(error instanceof CliError) || error.exitCode !== EXIT.unreachable || elsewhere) throw error;
  const found = await host.outlived?.({ data: dataFolder(options.data, env) }).catch(() => []);
  const rows = (found ?? []).filter(({ run }) => options.run === undefined || run === options.run);
  if (rows.length === 0) throw error;
  const now = Date.now();
  await printListing(console, options, rows, {
    columns: [
      { title: 'RUN', whole: true },
      { title: 'PATH', whole: true },
      { title: 'PID', right: true },
      { title: 'LIFETIME', right: true },
      { title: 'ENDS', right: true },
      { title: 'COMMAND' },
    ],
    cells: rows.map(({ run, path, pid, lifetime, until, command }) => [
      run || '-',
      path,
      pid === null ? '-' : String(pid),
      lifetime,
      until === null ? (lifetime === 'forever' ? 'never' : '-') : `in ${formatDuration(Math.max(0, until - now))}`,
      command,
    ]),
    empty: '',
  });
  const since = rows[0]?.since;
  const ago = since == null ? '' : ` for ${formatDuration(Math.max(0, now - since))}`;
  throw new CliError(`${error.message}; ${countOf(rows.length)} on without one${ago}`, error.exitCode, error.hint);
}
