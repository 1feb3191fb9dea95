import { setTimeout as delay } from 'node:timers/promises';
import { systemCode } from '../../core/errors.ts';
import type { Console } from '../console.ts';
import { openSession } from '../context.ts';
import { CliError } from '../errors.ts';
import { EXIT } from '../exit-codes.ts';
import type { CliHost, EndedCommand } from '../host.ts';
import { dataFolder, noServer } from '../locate.ts';
import { goOn } from '../outlived.ts';
import { formatTable } from '../table.ts';

/** How long a server may take to stop in order, and to end its commands. */
const STOP_MS = 30_000;

type StopHost = Pick<CliHost, 'stop' | 'outlived' | 'endOutlived'>;

/**
 * `headgate stop`: ends the server of a data folder and waits until it is gone (SPEC {#cli_stop}); with `kill` its commands first, and
 * those that it has left behind.
 */
export async function stop(
  console: Console,
  host: StopHost,
  options: { readonly data?: string; readonly json?: boolean; readonly kill?: boolean },
): Promise<number> {
  const data = dataFolder(options.data, console.env);
  const ended = options.kill ? await endServed(console, data) : [];
  const stopped = await stopServer(host, data);
  const left =
    (await host.outlived?.({ data }).catch((error: unknown) => {
      // The server has stopped all the same.
      if (options.kill) throw error;
      return [];
    })) ?? [];
  if (!stopped && !(options.kill && left.length > 0)) throw noServer(data, options.data !== undefined);
  const pid = stopped?.pid ?? null;
  if (options.kill) {
    const all = left.length > 0 ? [...ended, ...(await host.endOutlived({ data }))] : ended;
    return await tellEnded(console, options, { data, pid, ended: latest(all) });
  }
  const then = left.length > 0 ? '; the next start takes up what still runs' : '';
  const text = `the server on ${data} has stopped (process ${pid}); ${goOn(left)}${then}\n`;
  await console.out.write(options.json ? `${JSON.stringify({ data, pid, commands: left })}\n` : text);
  return EXIT.ok;
}

async function stopServer(host: StopHost, data: string): Promise<{ pid: number } | undefined> {
  const stopped = await host.stop({ data, timeoutMs: STOP_MS }).catch((error: unknown) => {
    if (systemCode(error) !== 'EPERM') throw error;
    throw new CliError(`the server on ${data} belongs to another user`, EXIT.refused, 'that user can stop it');
  });
  if (!stopped || stopped.ended) return stopped;
  const hint = `kill ${stopped.pid} a second time stops it at once; commands go on all the same`;
  throw new CliError(`the server on ${data} was told to stop and has not ended after ${STOP_MS / 1000} s`, EXIT.failed, hint);
}

/** Has a server end its commands; nothing where none answers: what it has is ended once it is gone. */
async function endServed(console: Console, data: string): Promise<EndedCommand[]> {
  const over = new AbortController();
  const late = delay(STOP_MS, [], { signal: over.signal }).catch(() => []);
  const asked = (async () => {
    const session = await openSession(console, { data }, { project: false });
    try {
      return await session.call('stream/cancelAll', { reason: 'headgate stop --kill' });
    } finally {
      await session.close();
    }
  })().catch((error: unknown) => {
    if (error instanceof CliError && error.exitCode === EXIT.unreachable) return [];
    throw error;
  });
  try {
    return await Promise.race([asked, late]);
  } finally {
    over.abort();
  }
}

/** One row a command: what was found out last. */
function latest(ended: readonly EndedCommand[]): EndedCommand[] {
  return [...new Map(ended.map((one) => [`${one.run} ${one.path}`, one])).values()];
}

async function tellEnded(
  console: Console,
  options: { readonly json?: boolean },
  what: { data: string; pid: number | null; ended: readonly EndedCommand[] },
): Promise<number> {
  const { data, pid, ended } = what;
  const escaped = ended.some(({ state, receipt }) => state === 'cancelling' || (receipt?.escaped.length ?? 0) > 0);
  if (options.json) {
    await console.out.write(`${JSON.stringify(what)}\n`);
    return escaped ? EXIT.failed : EXIT.ok;
  }
  if (ended.length > 0) {
    const columns = [{ title: 'RUN', whole: true }, { title: 'PATH', whole: true }, { title: 'ENDED' }, { title: 'COMMAND' }];
    const width = console.out.stream.isTTY ? console.out.stream.columns : undefined;
    const cells = ended.map((one) => [one.run, one.path, endOf(one), one.command]);
    await console.out.write(formatTable(columns, cells, width));
  }
  const server = pid === null ? `no server ran on ${data}` : `the server on ${data} has stopped (process ${pid})`;
  const count = ended.length === 1 ? '1 command' : `${ended.length} commands`;
  await console.out.write(`${server}; ${count} ended${escaped ? ', not all of them for certain' : ''}\n`);
  return escaped ? EXIT.failed : EXIT.ok;
}

function endOf({ state, receipt }: EndedCommand): string {
  if (state === 'cancelling') return 'being ended, its place is out of reach';
  if (!receipt) return 'by itself';
  const dead = receipt.confirmedDead.length;
  const gone = `${dead} ${dead === 1 ? 'process' : 'processes'} gone`;
  return receipt.escaped.length === 0 ? gone : `${gone}, still running: pid ${receipt.escaped.join(', ')}`;
}
