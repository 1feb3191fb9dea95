import { setTimeout as delay, setImmediate as nextTick } from 'node:timers/promises';
import type { Clock } from '../core/clock.ts';
import { deferred } from '../core/deferred.ts';
import { defined } from '../core/defined.ts';
import { HeadgateError, isHeadgateError, messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { Backend, BackendHandle, ClosedFact, ExitFact, KillRequest, OutputSink, StartRequest } from '../model/ports/backend.ts';
import type { Held, LeftoverFact, RunnerLink } from '../model/ports/runner.ts';
import { producerIdOf } from '../model/producer-id.ts';
import { emptyReceipt, type KillReceipt, openLeftover, type Producer } from '../model/records.ts';
import { signalOfExitCode } from '../model/signals.ts';
import { onceReached } from './deadline.ts';
import { isOutOfReach } from './out-of-reach.ts';
import { OutputCount } from './output-count.ts';
import { tellUntilStored, untilDone } from './patience.ts';
import { Rest, type RestLimits } from './rest.ts';

/** Between the first signal and SIGKILL when a limit ends a command (milliseconds). */
const LIMIT_GRACE_MS = 2000;
/** How long a start that is under way may delay the release of its producer (milliseconds). */
const DETACH_MS = 1000;
/** How soon after a signal that was asked for a command ends by it, where its exit code does not say so (milliseconds). */
const SIGNAL_MS = 10_000;
/** How long the last words of a leftover that was killed are waited for (milliseconds). */
const LAST_WORDS_MS = 1000;

export interface RunningProducerOptions {
  readonly producer: Producer;
  readonly backend: Backend;
  readonly link: RunnerLink;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Output, in bytes, beyond which it is ended; 0 for none. */
  readonly outputBytes: number;
  readonly rest: RestLimits;
  /** The producer has ended and processes of it run on: it takes no place any more. */
  readonly ended: () => void;
  /** The producer is over, and nothing more will be told of it. */
  readonly over: () => void;
}

const NEVER = () => false;
const ALWAYS = () => true;

/** One producer from its start, or its adoption, to what the server is told of its end. */
export class RunningProducer {
  readonly #options: RunningProducerOptions;
  readonly #producerId: string;
  readonly #facts: { producer: number; path: string };
  readonly #abandon = new AbortController();
  readonly #cancelled = new AbortController();
  #again = false;
  /** Resolves with undefined when it could not be started. */
  #handle: Promise<BackendHandle | undefined> = Promise.resolve(undefined);
  #served: BackendHandle | undefined;
  #opened = false;
  readonly #open = deferred();
  /** Another runner has its lease, and serves its folder now. */
  #fenced = false;
  /** A kill that the server asked for, until it has been told of. */
  #killed: Promise<void> | undefined;
  /** The kill of a limit, of time or of output; true when it has signalled anybody. */
  #limited: Promise<boolean> | undefined;
  readonly #output: OutputCount;
  readonly #begunAt: number;
  /** Channel -> how far its output has come. */
  readonly #reached = new Map<number, number>();
  /** Signals that were asked for, and when. */
  readonly #signals: { readonly name: string; readonly at: number }[] = [];
  readonly #killAsked = deferred();
  /** What it goes on writing after the end of its main process. */
  #rest: Rest | undefined;
  #isLeftover: boolean;

  constructor(options: RunningProducerOptions) {
    this.#options = options;
    this.#producerId = producerIdOf(options.producer);
    this.#output = new OutputCount(options.outputBytes);
    this.#begunAt = options.producer.startedAt ?? options.clock.now();
    this.#facts = { producer: options.producer.entryId, path: options.producer.path };
    if (options.producer.state === 'cancelling') this.#cancelled.abort();
    this.#isLeftover = openLeftover(options.producer) !== undefined;
  }

  /** Its main process has ended and the server knows; other processes of it run on. */
  get isLeftover(): boolean {
    return this.#isLeftover;
  }

  /**
   * Starts the command; a second start of the same producer, after a crash, follows the first. `again`: it may have been
   * started before, so what fails for a moment is tried again and ends nothing.
   */
  start(again = false): void {
    this.#again = again;
    const retried = again ? (error: unknown) => !isHeadgateError(error) || isOutOfReach(error) : NEVER;
    this.#take((backend, sink) => backend.start(this.#request(), sink), retried);
  }

  /** Takes the command up at the stored offsets, or finds out how it ended; tries for as long as that fails (SPEC {#adopt}). */
  adopt(offsets: ReadonlyMap<number, number>): void {
    const { producer } = this.#options;
    for (const [channel, bytes] of offsets) {
      this.#reached.set(channel, bytes);
      this.#output.passes(channel, bytes);
    }
    this.#rest = this.#knownRest();
    this.#take((backend, sink) => backend.adopt(this.#request(), producer.ref, offsets, sink), ALWAYS);
  }

  /** Gives it up: whether its command ever ran is not known, and it must not run twice. */
  lose(message: string): void {
    this.#take(() => Promise.reject(new HeadgateError('conflict', message, { outcome: 'lost' })), NEVER);
  }

  /** What keeps its output from coming now; null when nothing does. */
  get waitsFor(): string | null {
    return this.#served?.waitsFor ?? null;
  }

  /** Whether it sleeps until it is given input; null when its backend cannot tell. */
  async waitsForInput(): Promise<boolean | null> {
    return (await this.#served?.waitsForInput?.()) ?? null;
  }

  /** The backend's handle, once it is started. Throws `conflict` when it could not be. */
  async handle(): Promise<BackendHandle> {
    const handle = await this.#handle;
    if (!handle) throw new HeadgateError('conflict', 'the command could not be started; its log entry says why');
    return handle;
  }

  /** Sends it one signal. */
  async signal(name: string): Promise<void> {
    const handle = await this.handle();
    this.#signals.push({ name, at: this.#options.clock.now() });
    await handle.signal(name);
  }

  /** Ends the tree and tells the receipt; waits for a start under way. A second request returns the receipt of the first. */
  kill(request: KillRequest): Promise<void> {
    this.#cancelled.abort();
    if (this.#killed) {
      void this.#handle.then((handle) => handle?.kill(request)).catch(() => undefined);
      return this.#killed;
    }
    this.#killed = this.#killAndTell(request);
    this.#killAsked.resolve();
    return this.#killed;
  }

  /** Forgets the command without touching it. */
  async detach(): Promise<void> {
    this.#abandon.abort();
    const detached = this.#handle.then((handle) => handle?.detach());
    // A start hangs for as long as its place does not answer.
    const late = delay(DETACH_MS, undefined, { ref: false });
    await Promise.race([detached, late]);
  }

  #request(): StartRequest {
    const { spec, run } = this.#options.producer;
    const signals = { cancelled: this.#cancelled.signal, begun: this.#open.promise, letGo: this.#abandon.signal };
    return { producerId: this.#producerId, spec, run, again: this.#again, ...signals };
  }

  #take(begin: (backend: Backend, sink: OutputSink) => Promise<BackendHandle>, retried: (error: unknown) => boolean): void {
    const { persist } = this.#options.link;
    const sink: OutputSink = {
      write: (channel, offset, bytes, file) => this.#append(channel, offset, bytes, file),
      ...(persist ? { persist } : {}),
    };
    this.#handle = this.#begin(() => begin(this.#options.backend, sink), retried);
    void this.#handle
      .then((handle) => this.#follow(handle))
      .catch((error: unknown) => {
        this.#options.logger.error(
          { ...this.#facts, error: messageOf(error) },
          'a producer could not be followed to its end, or its folder not be removed',
        );
      });
  }

  async #begin(begin: () => Promise<BackendHandle>, retried: (error: unknown) => boolean): Promise<BackendHandle | undefined> {
    const { producer, link, logger } = this.#options;
    let handle: BackendHandle | undefined;
    try {
      handle = await this.#persist(begin, retried);
      if (!handle) return undefined;
      this.#served = handle;
    } catch (error) {
      const lost = producer.state !== 'queued';
      const outcome =
        isHeadgateError(error) && typeof error.facts['outcome'] === 'string' ? error.facts['outcome'] : lost ? 'lost' : 'start_failed';
      const message = messageOf(error);
      logger.warn(
        { ...this.#facts, outcome, error: message },
        lost ? 'a producer could not be taken up' : 'a producer could not be started',
      );
      if (!this.#killed) await this.#tell(() => link.failed(producer.entryId, producer.epoch, { lost, outcome, message }));
      return undefined;
    }
    if (producer.state === 'queued') await this.#tell(() => link.started(producer.entryId, producer.epoch, handle.ref));
    this.#opened = true;
    this.#open.resolve();
    return handle;
  }

  /** Tries for as long as it fails in a way that may pass; undefined when this producer is let go of meanwhile. */
  async #persist(begin: () => Promise<BackendHandle>, retried: (error: unknown) => boolean): Promise<BackendHandle | undefined> {
    const { logger } = this.#options;
    const failed = 'a producer cannot be taken up now; it will be tried again';
    let outcome = (): BackendHandle | undefined => undefined;
    const work = async () => {
      try {
        const handle = await begin();
        outcome = () => handle;
      } catch (error) {
        if (retried(error)) throw error;
        outcome = () => {
          throw error;
        };
      }
    };
    await untilDone(work, { logger, facts: this.#facts, signal: this.#abandon.signal, failed });
    return outcome();
  }

  /** No output before the server knows that the producer runs. */
  async #append(channel: number, offset: number, bytes: Buffer, file: string | undefined): Promise<void> {
    const { outputBytes } = this.#options;
    if (!this.#opened) await this.#open.promise;
    const taken = this.#rest?.take(channel, offset, bytes.length) ?? bytes.length;
    if (taken === 0 && bytes.length > 0) return;
    if (this.#isLeftover || this.#rest) return await this.#store(channel, offset, bytes.subarray(0, taken), file);
    this.#reached.set(channel, Math.max(offset + bytes.length, this.#reached.get(channel) ?? 0));
    if (this.#output.passes(channel, offset + bytes.length)) this.#limit('limit', `wrote more than ${outputBytes} bytes`);
    await this.#store(channel, offset, bytes, file);
  }

  async #store(channel: number, offset: number, bytes: Buffer, file: string | undefined): Promise<void> {
    const { producer, link } = this.#options;
    try {
      await link.append(producer.entryId, producer.epoch, channel, offset, bytes, file);
    } catch (error) {
      if (isHeadgateError(error, 'stale_epoch')) this.#fenced = true;
      throw error;
    }
  }

  async #follow(handle: BackendHandle | undefined): Promise<void> {
    if (!handle) {
      await this.#killed;
      this.#options.over();
      return;
    }
    const callOff = this.#limitTime();
    // The end of a command that was let go of is not reported.
    this.#abandon.signal.addEventListener('abort', callOff, { once: true });
    if (this.#abandon.signal.aborted) callOff();
    // Decided while no runner followed it: carried through, if it lives.
    this.#limitAlone(handle);
    const exit = await handle.exited;
    const exitedAt = this.#options.clock.now();
    callOff();
    this.#limitAlone(handle);
    const closed = await handle.closed;
    const isHeld = await this.#beginRest(handle, closed);
    if (!this.#isLeftover) await this.#end(handle, exit, closed, exitedAt);
    if (this.#isLeftover) await this.#followRest(handle, isHeld);
    this.#rest?.end();
    if (this.#killed) await this.#killed;
    if (this.#abandon.signal.aborted) return;
    this.#options.over();
    if (this.#fenced) await handle.detach();
    else await handle.dispose();
  }

  /** Tells the end of its main process, and with it whether the rest is followed. */
  async #end(handle: BackendHandle, exit: ExitFact, closed: ClosedFact, exitedAt: number): Promise<void> {
    const rest = this.#rest;
    const isDrained = rest !== undefined && this.#endedByAskedSignal(exit) && (await this.#isDrained(handle, rest));
    // A kill that the server asked for ends with its receipt; the server has closed the channels before it asked.
    if (this.#killed) return;
    const isFollowed = rest !== undefined && !isDrained;
    const isTold = await this.#tellEnd(exit, closed, {
      detached: isDrained ? [] : closed.detached,
      ...(isFollowed ? { followed: true } : {}),
      ...(isDrained ? { restMs: Math.max(0, this.#options.clock.now() - exitedAt) } : {}),
      exitedAt,
    });
    this.#isLeftover = isTold && isFollowed;
    if (this.#isLeftover) this.#options.ended();
  }

  /** What is counted of the output of a leftover that is taken up. */
  #knownRest(): Rest | undefined {
    const { producer, rest: limits, clock } = this.#options;
    const leftover = openLeftover(producer);
    if (!leftover) return undefined;
    const ends = new Map(Object.entries(leftover.ends).map(([channel, bytes]) => [Number(channel), bytes] as const));
    return new Rest({ ends, stored: this.#reached, limit: leftover.limit, limits, clock });
  }

  /** True when the output goes on being written, its backend delivers that and the server takes it. */
  async #beginRest(handle: BackendHandle, { detached }: ClosedFact): Promise<boolean> {
    const { producer, link, rest: limits, clock } = this.#options;
    if (detached.length === 0 || !handle.drained || !link.left) return false;
    // A backend that follows nothing further is through at once, even while a process still holds the output.
    if (await Promise.race([handle.drained.then(() => true), nextTick(false)])) return false;
    this.#rest ??= new Rest({ ends: new Map(this.#reached), stored: this.#reached, limit: null, limits, clock });
    this.#rest.begin(handle, detached, openLeftover(producer)?.since ?? clock.now());
    return true;
  }

  /** True when it died of a signal that a client asked for, or ended soon after one. */
  #endedByAskedSignal({ signal, exitCode }: ExitFact): boolean {
    const died = signal ?? (exitCode === null ? undefined : signalOfExitCode(exitCode));
    const now = this.#options.clock.now();
    return this.#signals.some(({ name, at }) => name === died || now - at <= SIGNAL_MS);
  }

  /** Waits until all of it has ended; false when a limit, a kill or a detach comes first. */
  async #isDrained(handle: BackendHandle, rest: Rest): Promise<boolean> {
    const drained = handle.drained?.then(() => true);
    const other = Promise.race([rest.full, this.#killAsked.promise, aborted(this.#abandon.signal)]).then(() => false);
    return (await Promise.race([drained, other])) ?? false;
  }

  /** Follows what runs on after the end until it has ended too, was killed, or is let go of. */
  async #followRest(handle: BackendHandle, isHeld: boolean): Promise<void> {
    const rest = this.#rest;
    if (rest && isHeld) {
      const watched = rest.watch((fact) => this.#tellLeft(fact));
      await Promise.race([handle.drained, watched, this.#killAsked.promise, aborted(this.#abandon.signal)]);
      rest.end();
      await watched;
    }
    if (!this.#killed && !this.#fenced) await this.#tellLeft({ pids: [], limit: rest?.fact.limit ?? null, gone: true });
  }

  async #tellLeft(fact: LeftoverFact): Promise<void> {
    const { producer, link } = this.#options;
    await this.#tell(() => link.left?.(producer.entryId, producer.epoch, fact));
  }

  /** True once it is stored; false when the server does not take it any more. */
  async #tellEnd(
    { exitCode, signal, durationMs, failure, own }: ExitFact,
    { missing = 0, cut }: ClosedFact,
    { exitedAt, restMs, ...held }: Held & { readonly restMs?: number; readonly exitedAt: number },
  ): Promise<boolean> {
    const { producer, link } = this.#options;
    const { entryId, epoch } = producer;
    const lost = (outcome: string, message: string) =>
      this.#tell(() => link.failed(entryId, epoch, { lost: true, outcome, message, ...(held.followed ? held : {}) }));
    // The receipt is told first: it says that this was a limit and not the command.
    const limited = (await this.#limited) === true;
    if (failure && !limited) return await lost(failure.outcome, failure.message);
    if (exitCode === null && !limited && !own) {
      return await lost('lost', 'the command is gone and left no exit code: its machine was restarted, or its shim was killed');
    }
    if (missing > 0 || cut !== undefined) {
      const what =
        cut ?? `${missing} bytes of its output are missing: the database lost them after the command's own file had given them back`;
      return await lost('damaged', `${what}. The command itself ended with ${exitCode === null ? 'SIGKILL' : `exit ${exitCode}`}`);
    }
    const end = {
      exitCode,
      signal: exitCode === null && !own ? 'SIGKILL' : signal,
      durationMs: durationMs ?? Math.max(0, exitedAt - this.#begunAt),
      ...held,
      ...defined({ restMs }),
      ...(own ? { own } : {}),
    };
    return await this.#tell(() => link.completed(entryId, epoch, end));
  }

  /** Enforces the time limit, counted from the first start, also over restarts. Returns how to call it off. */
  #limitTime(): () => void {
    const { timeoutMs } = this.#options.producer.spec;
    if (timeoutMs === undefined) return () => {};
    const { clock } = this.#options;
    // A start that lies in the future says that the clock has stepped back since; no limit grows by that.
    const countedFrom = Math.min(this.#begunAt, clock.now());
    return onceReached(countedFrom + timeoutMs, clock, () => this.#limit('timeout', `ran longer than ${timeoutMs} ms`));
  }

  /** Ends it for a limit that it has passed; the first limit counts. */
  #limit(requestedBy: 'timeout' | 'limit', reason: string): void {
    if (!this.#killed) this.#limited ??= this.#killForLimit(requestedBy, reason);
  }

  /** Ends it, or says so of it, when it has run for longer without a server than it may. */
  #limitAlone(handle: BackendHandle): void {
    const overdue = handle.overdue?.();
    if (overdue && !this.#killed) this.#limited ??= this.#killOverdue(handle, overdue.reason);
  }

  async #killOverdue(handle: BackendHandle, reason: string): Promise<boolean> {
    const own = await this.#tryKill(handle, { requestedBy: 'lifetime', reason, signal: 'SIGTERM', graceMs: LIMIT_GRACE_MS });
    const receipt = joined(handle.overdue?.()?.receipt ?? null, own);
    if (receipt.signals.length === 0) return false;
    if (!this.#killed) await this.#tellKilled(receipt);
    return true;
  }

  async #killForLimit(requestedBy: string, reason: string): Promise<boolean> {
    const request = { requestedBy, reason, signal: 'SIGTERM', graceMs: LIMIT_GRACE_MS };
    const receipt = await this.#tryKill(await this.#handle, request);
    // It ended by itself in the same moment.
    if (receipt.signals.length === 0) return false;
    if (!this.#killed) await this.#tellKilled(receipt);
    return true;
  }

  async #killAndTell(request: KillRequest): Promise<void> {
    const handle = await this.#handle;
    const receipt = await this.#tryKill(handle, request);
    if (this.#isLeftover) await Promise.race([handle?.drained, delay(LAST_WORDS_MS, undefined, { ref: false })]);
    if (!this.#abandon.signal.aborted) await this.#tellKilled(receipt);
  }

  async #tellKilled(receipt: KillReceipt): Promise<void> {
    const { producer, link } = this.#options;
    await this.#tell(() => link.killed(producer.entryId, producer.epoch, receipt));
  }

  /** Kills, and tries again for as long as it fails: a receipt is final, so there is none before the kill is done. */
  async #tryKill(handle: BackendHandle | undefined, request: KillRequest): Promise<KillReceipt> {
    const { clock, logger } = this.#options;
    let receipt = emptyReceipt(request, clock.now());
    const kill = async () => {
      receipt = (await handle?.kill(request)) ?? receipt;
    };
    await untilDone(kill, { logger, facts: this.#facts, signal: this.#abandon.signal, failed: 'a kill failed; it will be tried again' });
    return receipt;
  }

  /** True once it is stored; false when that is pointless, or it is let go of. */
  async #tell(tell: () => void | Promise<void>): Promise<boolean> {
    const { logger } = this.#options;
    const { signal } = this.#abandon;
    const error = await tellUntilStored(tell, { logger, facts: this.#facts, signal });
    if (isHeadgateError(error, 'stale_epoch')) this.#fenced = true;
    return error === undefined && !signal.aborted;
  }
}

/** Resolves once the signal is aborted. */
function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

/** The receipt of a kill that two have carried out, one after the other. */
function joined(first: KillReceipt | null, then: KillReceipt): KillReceipt {
  if (!first) return then;
  const confirmedDead = [...new Set([...first.confirmedDead, ...then.confirmedDead, ...first.escaped])];
  return {
    ...then,
    requestedAt: first.requestedAt,
    signals: [...first.signals, ...then.signals],
    confirmedDead: confirmedDead.filter((pid) => !then.escaped.includes(pid)),
    // Of a command that is gone there is nothing to signal: then it ended with the first kill.
    finishedAt: then.signals.length === 0 ? first.finishedAt : then.finishedAt,
  };
}
