import { readFileSync } from 'node:fs';
import { deferred } from '../../core/deferred.ts';
import { isEnd } from '../../core/end-status.ts';
import { RunName, type Runtime } from '../../rpc/client/index.ts';
import type { ResultOf } from '../../rpc/protocol/table.ts';
import type { Console } from '../console.ts';
import { CliError, isWireError } from '../errors.ts';
import { EXIT } from '../exit-codes.ts';
import { awaitKill, type Receipt } from '../kill.ts';
import { RunView } from '../run-view.ts';
import { Screen } from '../screen.ts';
import { type Facts, livenessOf, quotedFigure } from './facts.ts';
import { bytesOf, toolOf, Witness } from './witness.ts';

const PROMPT = 'Look around, take a measurement that takes a few seconds, and tell me the figure.';
const MODEL = 'demo';
/** Client 2 listens to so many pieces of the second command, or so long, before it cancels. */
const PIECES = 3;
const LISTEN_MS = 3000;

/** What came of the run, for the closing words. */
export interface Story {
  readonly run: string;
  readonly entries: ResultOf<'getEntries'>;
  readonly events: number;
}

/**
 * Drives one run through the public RPC with two clients: `first` opens, answers and watches it, `second` cancels. What
 * each was told is judged against what the server has stored. Throws a CliError when the run does not come to its end.
 */
export async function tellStory(console: Console, first: Runtime, second: Runtime, facts: Facts, signal: AbortSignal): Promise<Story> {
  const screen = new Screen(console.out, console.outColors);
  const witness = new Witness(first);
  const known = await first.call('getModels', {});
  if (!known.some(({ alias }) => alias === MODEL)) await first.call('addModel', { alias: MODEL, actual: 'demo', provider: 'scripted' });
  const cancelled = cancelSecondCommand(second);
  const { run, loop } = await first.call('act', { prompt: PROMPT, model: MODEL });
  screen.line(`client 1 asked: ${PROMPT}`);
  const ended = deferred();
  const failed = deferred<never>();
  const view = new RunView({
    session: first,
    run: new RunName(run),
    screen,
    whole: true,
    answer: screen,
    listener: {
      proposed: ({ path }) => {
        first.call('run/resolve', { run, resolution: { path, action: 'accept' } }).catch((error: unknown) => {
          if (!isWireError(error, 'proposal_resolved')) failed.reject(error);
        });
      },
      state: (state) => {
        if (state.loop === loop && isEnd(state.status)) ended.resolve();
      },
    },
  });
  signal.addEventListener('abort', () => failed.reject(signal.reason), { once: true });
  let receipt: Receipt | undefined;
  try {
    view.open(first.lastSeq);
    await Promise.race([ended.promise, failed.promise, view.failed()]);
    await Promise.race([view.settled(), failed.promise]);
    receipt = await Promise.race([cancelled, failed.promise]);
  } finally {
    view.close();
  }
  const info = await first.call('getRun', { run });
  const result = info.loops.find((one) => one.loop === loop)?.result ?? '';
  await judge({ first, run, witness, facts, receipt, result, done: info.status === 200 });
  const entries = await first.call('getEntries', { run, body: false, limit: 1000 });
  return { run, entries, events: await countEvents(second, run) };
}

async function judge(o: {
  first: Runtime;
  run: string;
  witness: Witness;
  facts: Facts;
  receipt: Receipt | undefined;
  result: string;
  done: boolean;
}): Promise<void> {
  const { first, run, witness, facts, receipt, result } = o;
  const [look] = witness.commands('env');
  facts.add('the model looked around with a real env command', look?.end?.told.exit_code === 0, look ? look.path : 'no env command ran');

  const [measure, long] = witness.commands('sh');
  if (!measure?.end || !long) throw new CliError('the demo is not whole: the model did not propose two sh commands', EXIT.failed);
  facts.add(
    'its sh command waited for an answer and ran only after client 1 accepted it',
    measure.proposedAt !== undefined &&
      measure.acceptedAt !== undefined &&
      (measure.arrivals[0]?.at ?? 0) > measure.proposedAt &&
      measure.end.told.exit_code === 0,
    measure.path,
  );
  const [out, err] = [bytesOf(measure, 1), bytesOf(measure, 2)];
  const { live, pieces, spreadMs, leadMs } = livenessOf(measure.arrivals, measure.end.at);
  facts.add(
    'its output arrived live on both channels',
    live && out.length > 0 && err.length > 0,
    `${pieces} pieces over ${seconds(spreadMs)} s, the first ${seconds(leadMs)} s before the end; stdout ${out.length} bytes, stderr ${err.length} bytes`,
  );
  facts.add(
    'what was stored is byte for byte what arrived',
    out.equals(await stored(first, run, measure.path, 1)) && err.equals(await stored(first, run, measure.path, 2)),
    'both channels read back',
  );
  const figure = quotedFigure(result, out.toString('utf8') + err.toString('utf8'), PROMPT + measure.command);
  facts.add(
    "the model's last answer quotes a figure from that output",
    o.done && figure !== undefined,
    figure ?? 'none found in the answer',
  );

  const told = long.cancelled !== undefined && long.end?.told.status === 499;
  facts.add('a second command was cancelled by client 2 while it ran, and client 1 was told', told, long.path);
  const pids = receipt?.confirmedDead ?? [];
  facts.add(
    'its processes are confirmed gone',
    pids.length > 0 && receipt?.escaped.length === 0 && pids.every(isGone),
    `pid ${pids.join(', ') || 'unknown'}`,
  );
}

/** Client 2: waits for the second sh command of the project, listens to it, and cancels it. */
async function cancelSecondCommand(session: Runtime): Promise<Receipt | undefined> {
  const started = deferred<{ run: string; path: string }>();
  const heard = deferred();
  let commands = 0;
  let pieces = 0;
  const undo = [
    session.on('stream/started', ({ run, path }) => {
      if (toolOf(path) === 'sh' && ++commands === 2) started.resolve({ run, path });
    }),
    session.on('stream/chunk', () => {
      if (++pieces === PIECES) heard.resolve();
    }),
  ];
  try {
    const { run, path } = await started.promise;
    await session.call('stream/subscribe', { run, path, from: 'start' });
    const timer = setTimeout(() => heard.resolve(), LISTEN_MS);
    await heard.promise;
    clearTimeout(timer);
    await session.call('stream/cancel', { run, path, reason: 'client 2 has seen enough' });
    return await awaitKill(session, run, path, undefined);
  } finally {
    for (const forget of undo) forget();
  }
}

async function stored(session: Runtime, run: string, path: string, channel: number): Promise<Buffer> {
  const { chunk, encoding } = await session.call('stream/read', { run, path, channel });
  return Buffer.from(chunk, encoding);
}

/** Replays the run's events as a client that comes later would, and counts them. */
async function countEvents(session: Runtime, run: string): Promise<number> {
  const seqs = new Set<number>();
  for await (const { name, params } of session.events({ run, since: 0 })) {
    if (name === 'replay/synced') break;
    if (name !== 'run/text') seqs.add(params.seq);
  }
  return seqs.size;
}

/** Gone, or dead and only not yet reaped by its parent. */
function isGone(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return /^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2));
  } catch {
    return true;
  }
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(1);
}
