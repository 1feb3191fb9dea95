import type { Console } from '../console.ts';
import { type ClientOptions, openSession } from '../context.ts';
import { usageError } from '../errors.ts';
import { EXIT } from '../exit-codes.ts';
import { awaitKill } from '../kill.ts';
import type { Session } from '../session.ts';
import { formatTable } from '../table.ts';
import { formatBytes, formatDuration, formatStatus } from '../text.ts';

interface ListOptions extends ClientOptions {
  readonly json?: boolean;
}

/** `headgate runs`: the project's runs, newest first. */
export async function runs(console: Console, options: ListOptions & { readonly limit: number }): Promise<number> {
  const session = await openSession(console, options);
  try {
    const rows = await session.call('getRuns', { limit: options.limit });
    if (options.json) return await printJson(console, rows);
    if (rows.length === 0) return await say(console, 'no runs in this project; start one with: headgate act "what to do"');
    const now = Date.now();
    const columns = [
      { title: 'RUN' },
      { title: 'STATUS' },
      { title: 'OUTCOME' },
      { title: 'MODEL' },
      { title: 'TURN', right: true },
      { title: 'CHANGED' },
    ];
    const cells = rows.map((run) => [
      run.run,
      formatStatus(run.status),
      run.outcome ?? '-',
      run.model,
      String(run.turn),
      `${formatDuration(now - run.updatedAt)} ago`,
    ]);
    return await printTable(console, columns, cells);
  } finally {
    session.close();
  }
}

/** `headgate ps`: the project's live producers, or all of them. */
export async function ps(console: Console, options: ListOptions & { readonly run?: string; readonly all?: boolean }): Promise<number> {
  const session = await openSession(console, options);
  try {
    const rows = await session.look('stream/list', {
      ...(options.run === undefined ? {} : { run: options.run }),
      ...(options.all ? {} : { state: 'live' }),
    });
    if (options.json) return await printJson(console, rows);
    if (rows.length === 0)
      return await say(
        console,
        options.all ? 'no commands in this project' : 'no command runs; headgate ps --all shows those that have ended',
      );
    // Only where it says something: most commands are processes.
    const elsewhere = rows.some(({ backend }) => backend !== 'process');
    const columns = [
      { title: 'RUN' },
      { title: 'PATH' },
      { title: 'STATE' },
      ...(elsewhere ? [{ title: 'BACKEND' }] : []),
      { title: 'PID', right: true },
      { title: 'AGE', right: true },
      { title: 'OUTPUT', right: true },
      { title: 'COMMAND' },
    ];
    const cells = rows.map((row) => [
      row.run,
      row.path,
      row.state,
      ...(elsewhere ? [row.backend] : []),
      row.pid === null ? '-' : String(row.pid),
      formatDuration(row.ageMs),
      formatBytes(row.channels.reduce((sum, { bytes }) => sum + bytes, 0)),
      row.waits_for === null ? row.command : `${row.command}  (waits for ${row.waits_for})`,
    ]);
    return await printTable(console, columns, cells);
  } finally {
    session.close();
  }
}

/** Options of `headgate cancel`. */
export interface CancelOptions extends ListOptions {
  readonly reason?: string;
  readonly signal?: string;
  readonly grace?: number;
}

/** `headgate cancel`: ends a command and says what became of its processes. */
export async function cancel(console: Console, run: string, path: string | undefined, options: CancelOptions): Promise<number> {
  const session = await openSession(console, options);
  try {
    const target = path ?? (await onlyLive(session, run));
    await session.call('stream/cancel', {
      run,
      path: target,
      ...(options.reason === undefined ? {} : { reason: options.reason }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      ...(options.grace === undefined ? {} : { grace_ms: options.grace }),
    });
    const receipt = await awaitKill(session, run, target, undefined, options.grace);
    if (options.json) return await printJson(console, { run, path: target, receipt: receipt ?? null });
    if (receipt?.finishedAt == null) return await say(console, `cancelled ${target}; its processes are still being ended`);
    const dead = receipt.confirmedDead.length;
    const escaped = receipt.escaped.length === 0 ? '' : `; still running: pid ${receipt.escaped.join(', ')}`;
    await console.out.write(`cancelled ${target}: ${dead} ${dead === 1 ? 'process' : 'processes'} confirmed gone${escaped}\n`);
    return receipt.escaped.length === 0 ? EXIT.ok : EXIT.failed;
  } finally {
    session.close();
  }
}

async function onlyLive(session: Session, run: string): Promise<string> {
  const live = await session.look('stream/list', { run, state: 'live' });
  const [first] = live;
  if (first && live.length === 1) return first.path;
  if (!first) throw usageError(`no command of ${run} runs`, 'headgate ps --all shows those that have ended');
  throw usageError(`${live.length} commands of ${run} run; name one`, live.map((one) => `headgate cancel ${run} ${one.path}`).join('\n  '));
}

async function printJson(console: Console, value: unknown): Promise<number> {
  await console.out.write(`${JSON.stringify(value, null, console.out.stream.isTTY ? 2 : 0)}\n`);
  return EXIT.ok;
}

async function printTable(console: Console, columns: Parameters<typeof formatTable>[0], cells: string[][]): Promise<number> {
  const width = console.out.stream.isTTY ? console.out.stream.columns : undefined;
  await console.out.write(formatTable(columns, cells, width));
  return EXIT.ok;
}

/** A remark: not part of the listing, so that a pipe gets nothing. */
async function say(console: Console, text: string): Promise<number> {
  await console.err.write(`${text}\n`);
  return EXIT.ok;
}
