import type { Clock } from '../core/clock.ts';
import { defined } from '../core/defined.ts';
import { HeadgateError } from '../core/errors.ts';
import { channelPath, requireLogPath } from '../model/paths.ts';
import type { BackendRef } from '../model/ports/backend.ts';
import type { Held, ProducerEnd, ProducerFailure } from '../model/ports/runner.ts';
import type { ProducerChange, Store } from '../model/ports/store.ts';
import { askedKill, type Entry, type KillReceipt, type Leftover, type Producer, pendingReceipt } from '../model/records.ts';
import { signalOfExitCode } from '../model/signals.ts';
import { ENTRY_TABLE, type EntryStatus, PRODUCER_TABLE, type ProducerEvent } from '../model/status.ts';
import { channelEntries, channelNumber, channelState } from './channels.ts';
import type { WaitingFact } from './input-watch.ts';
import type { Journal, JournalTx } from './journal.ts';
import { leftoverAttribute, leftoverNote, tellLeftover } from './leftover-facts.ts';
import { endSummary, runningSummary } from './summary.ts';
import type { EndedFact, ProducerPlan } from './types.ts';

/** A producer with the records that its life cycle changes. */
export interface Owned {
  readonly producer: Producer;
  readonly entry: Entry;
  readonly channels: readonly Entry[];
  readonly projectId: number;
}

/** Who a receipt names when the server itself ended a command, and what that means for its outcome (SPEC {#time_limit}, {#output_limit}). */
const LIMITS: ReadonlyMap<string, { outcome: string; how: string }> = new Map([
  ['timeout', { outcome: 'timeout', how: 'timed out' }],
  ['lifetime', { outcome: 'lifetime', how: 'ran for longer without its server than it may' }],
  ['limit', { outcome: 'output_limit', how: 'wrote more than it may' }],
]);

/** One way to end. */
interface Ending {
  readonly event: ProducerEvent;
  readonly status: 200 | 499 | 500;
  readonly outcome: string | null;
  readonly how: string;
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly durationMs: number | null;
  readonly by: string;
  readonly note?: string | undefined;
  readonly receipt?: KillReceipt;
  readonly restMs?: number | undefined;
  readonly held?: Partial<Held> | undefined;
}

/**
 * The states of a producer and of its entries, changed together in one durable transaction with the events that tell
 * of it (SPEC {#producer_states}).
 */
export class Lifecycle {
  readonly #store: Store;
  readonly #journal: Journal;
  readonly #clock: Clock;
  readonly #lastOutput: ReadonlyMap<number, number>;
  /** Called within the transaction that ends a producer, with its log entry. */
  onEnd: (tx: JournalTx, entry: Entry) => void = () => {};

  /** `lastOutput`: log entry id -> when something was last stored; kept with the end of the producer. */
  constructor(options: { store: Store; journal: Journal; clock: Clock; lastOutput: ReadonlyMap<number, number> }) {
    this.#lastOutput = options.lastOutput;
    this.#store = options.store;
    this.#journal = options.journal;
    this.#clock = options.clock;
  }

  /** The producer of a log entry with its records; throws `not_found`, or `stream_not_open` before acceptance. */
  owned(runId: number, path: string): Owned {
    requireLogPath(path);
    const entry = this.#store.entries.get(runId, path);
    if (!entry) throw new HeadgateError('not_found', `no entry ${path} in this run; getEntries lists what there is`, { path });
    const producer = this.#store.producers.get(entry.id);
    if (!producer) {
      const wait = entry.status === 202 ? 'its proposal waits for an answer: accept it with run/resolve first' : 'it never had a producer';
      throw new HeadgateError('stream_not_open', `${path} has no channels; ${wait}`, { path, entry_status: entry.status });
    }
    return this.#complete(producer, entry);
  }

  /** The same by the log entry's id; undefined when the run has been deleted. */
  byId(entryId: number): Owned | undefined {
    const producer = this.#store.producers.get(entryId);
    return producer && this.of(producer);
  }

  /** A producer with its entries; undefined when the run has been deleted. */
  of(producer: Producer): Owned | undefined {
    const entry = this.#store.entries.byId(producer.entryId);
    return entry && this.#complete(producer, entry);
  }

  /** Accepts: the log entry is 102, its channels appear at 102, the producer is queued (SPEC {#accept}). */
  open(tx: JournalTx, entry: Entry, plan: ProducerPlan, bootId: string | null): Owned {
    const parts = requireLogPath(entry.path);
    if (ENTRY_TABLE[entry.status].accept === null) {
      throw new HeadgateError('illegal_transition', `${entry.path} is at ${entry.status} and cannot be accepted`, {
        entry_status: entry.status,
      });
    }
    const client = plan.runner === 'client';
    const channels = plan.channels.map((number) =>
      this.#store.entries.create({
        runId: entry.runId,
        path: channelPath(parts, number),
        category: 'data',
        status: 102,
        attributes: { producer: entry.path, ...nameOf(plan, number) },
        turn: entry.turn,
        loopId: entry.loopId,
        writer: plan.runner,
      }),
    );
    const states = channels.map(channelState);
    const changed = this.#store.entries.update(entry.id, {
      status: 102,
      body: runningSummary(plan.spec, states),
      attributes: { ...entry.attributes, backend: plan.backend, runner: plan.runner, channels: plan.channels },
    });
    let producer = this.#store.producers.create({ entryId: entry.id, backend: plan.backend, runner: plan.runner, spec: plan.spec, bootId });
    if (client) producer = this.#store.producers.update(entry.id, { state: this.#next(producer, 'started'), startedAt: this.#clock.now() });
    const owned = this.#complete(producer, changed, channels);
    tx.event(owned.projectId, producer.run, 'stream/started', {
      run: producer.run,
      path: entry.path,
      command: plan.spec.command,
      backend: plan.backend,
      runner: plan.runner,
      channels: states,
    });
    this.#tellChanged(tx, owned.projectId, producer.run, [changed, ...channels]);
    return owned;
  }

  /**
   * The runner has started it; no news when it was cancelled meanwhile. Not waited for on the disk: after a power cut
   * the machine has another boot, by which the runner sees that a producer still queued may have run.
   */
  started(owned: Owned, ref: BackendRef): void {
    const { producer } = owned;
    const first = producer.state === 'queued';
    this.#journal.commit('fast', () =>
      this.#store.producers.update(producer.entryId, {
        ref,
        ...(first ? { state: this.#next(producer, 'started'), startedAt: this.#clock.now() } : {}),
      }),
    );
  }

  /** Its output is whole and its exit is known (SPEC {#stream_completed}). */
  completed(owned: Owned, end: ProducerEnd, by: string): EndedFact {
    const { producer } = owned;
    const signal = end.signal ?? (end.exitCode === null ? null : (signalOfExitCode(end.exitCode) ?? null));
    const limit = LIMITS.get(producer.receipt?.requestedBy ?? '');
    const good = !limit && !end.own?.failed && signal === null && (end.exitCode ?? 0) === 0;
    const detached = end.detached.length > 0;
    const own = end.own?.outcome ?? (good ? (detached ? 'detached' : null) : `exit:${end.exitCode}`);
    const outcome = limit ? limit.outcome : signal ? `signal:${signal}` : own;
    const exit = end.own && end.exitCode === null ? 'failed' : `exit ${end.exitCode ?? 0}`;
    const how = signal ? `ended by ${signal}${end.exitCode === null ? '' : ` (exit ${end.exitCode})`}` : exit;
    return this.#end(owned, {
      event: 'completed',
      status: good ? 200 : 500,
      outcome,
      how: limit ? `${how}, ${limit.how}` : how,
      exitCode: end.exitCode,
      signal,
      durationMs: end.durationMs ?? this.#sinceStart(producer),
      by,
      note: end.own?.body ?? undefined,
      restMs: end.restMs,
      held: end,
    });
  }

  /** It could not start, or is gone without a trace. */
  failed(owned: Owned, failure: ProducerFailure, by: string): EndedFact {
    return this.#end(owned, {
      event: failure.lost ? 'vanished' : 'start_failed',
      status: 500,
      outcome: failure.outcome,
      how: failure.lost ? 'lost' : 'could not start',
      exitCode: null,
      signal: null,
      durationMs: this.#sinceStart(owned.producer),
      by,
      note: failure.message,
      held: failure,
    });
  }

  /** The client that ran it has killed it (SPEC {#stream_aborted}). */
  aborted(owned: Owned, o: { reason: string | null; durationMs: number | null; by: string }): EndedFact {
    return this.#end(owned, {
      event: 'abort',
      status: 499,
      outcome: 'aborted',
      how: `aborted by ${o.by}${o.reason ? `: ${o.reason}` : ''}`,
      exitCode: null,
      signal: null,
      durationMs: o.durationMs ?? this.#sinceStart(owned.producer),
      by: o.by,
    });
  }

  /** Marks it cancelled and tells everyone, before any signal is sent (SPEC {#stream_cancel}). */
  cancelled(owned: Owned, o: { reason: string | null; by: string; signal: string; graceMs: number; unserved: boolean }): EndedFact {
    return this.#journal.commit('durable', (tx) => {
      const { producer } = owned;
      tx.event(owned.projectId, producer.run, 'stream/cancelled', { run: producer.run, path: owned.entry.path, reason: o.reason });
      const now = this.#clock.now();
      // The kill may be carried out by another process, when its runner is back.
      const asked = pendingReceipt({ requestedBy: o.by, reason: o.reason, signal: o.signal, graceMs: o.graceMs }, now);
      const fact = this.#end(owned, {
        event: 'cancel',
        status: 499,
        outcome: 'cancelled',
        how: `cancelled by ${o.by}${o.reason ? `: ${o.reason}` : ''}`,
        exitCode: null,
        signal: null,
        durationMs: this.#sinceStart(producer),
        by: o.by,
        receipt: asked,
      });
      // The client that runs it was told just now, or no runner has it yet: there is nothing for the server to kill.
      if (o.unserved) {
        this.#store.producers.update(producer.entryId, { state: 'cancelled', receipt: { ...asked, finishedAt: now } });
      }
      return fact;
    });
  }

  /** The kill is over. While the producer still runs (a timeout) only the receipt is stored. */
  killed(owned: Owned, receipt: KillReceipt): void {
    const { producer, entry } = owned;
    this.#journal.commit('durable', (tx) => {
      const state = producer.state === 'cancelling' ? this.#next(producer, 'killed') : producer.state;
      const asked = producer.receipt ? askedKill(producer.receipt) : {};
      this.#store.producers.update(producer.entryId, { receipt: { ...asked, ...receipt }, ...(state === producer.state ? {} : { state }) });
      this.#tellChanged(tx, owned.projectId, producer.run, [entry]);
    });
  }

  /** Its runner stays away: the cancel stands, and the receipt waits for the runner (SPEC {#runner_lease}). */
  unreachable(owned: Owned): void {
    const { producer, entry } = owned;
    this.#journal.commit('durable', (tx) => {
      this.#store.producers.update(producer.entryId, { state: this.#next(producer, 'vanished') });
      this.#tellChanged(tx, owned.projectId, producer.run, [entry]);
    });
  }

  /** It waits for input now, or, with null, it does no longer (SPEC {#waiting_for_input}). */
  waiting({ producer, entry, projectId }: Owned, fact: WaitingFact | null): void {
    this.#journal.commit('fast', (tx) => {
      const { run, path } = producer;
      const { waiting: _was, ...rest } = entry.attributes;
      const changed = this.#store.entries.update(entry.id, { attributes: fact ? { ...rest, waiting: fact } : rest });
      tx.event(projectId, run, fact ? 'stream/waiting' : 'stream/resumed', { run, path, ...fact });
      this.#tellChanged(tx, projectId, run, [changed]);
    });
  }

  /** A new lease: writers with the old number are fenced off. */
  raiseEpoch(producer: Producer): Producer {
    return this.#store.producers.update(producer.entryId, { epoch: producer.epoch + 1 });
  }

  /** How an ended producer ended, as its `stream/ended` said. */
  endOf(owned: Owned): EndedFact | undefined {
    const { producer, entry } = owned;
    if (entry.status === 102 || entry.status === 202 || entry.status === 100) return undefined;
    const seq = entry.attributes['ended_seq'];
    return this.#fact(typeof seq === 'number' ? seq : 0, producer, entry, owned.channels);
  }

  #end(owned: Owned, ending: Ending): EndedFact {
    return this.#journal.commit('durable', (tx) => {
      const { producer, projectId } = owned;
      const state = this.#next(producer, ending.event);
      const lastOutputAt = this.#lastOutput.get(producer.entryId);
      const channels = owned.channels.map((channel) =>
        this.#store.entries.update(channel.id, { status: ending.status, outcome: ending.outcome }),
      );
      const left = this.#leftoverOf(ending.held, channels);
      const change: ProducerChange = {
        state,
        exitCode: ending.exitCode,
        signal: ending.signal,
        endedAt: this.#clock.now(),
        ...defined({ lastOutputAt }),
        ...(ending.receipt ? { receipt: ending.receipt } : {}),
        ...(left ? { leftover: left } : {}),
      };
      const after = this.#store.producers.update(producer.entryId, change);
      const { waiting: _over, ...attributes } = owned.entry.attributes;
      const closed = {
        ...owned.entry,
        status: ending.status as EntryStatus,
        outcome: ending.outcome,
        attributes: ending.restMs === undefined ? attributes : { ...attributes, rest_ms: Math.round(ending.restMs) },
      };
      const payload = this.#fact(0, after, closed, channels);
      const { seq: _none, ...facts } = payload;
      const { seq } = tx.event(projectId, producer.run, 'stream/ended', facts);
      const states = channels.map(channelState);
      const entry = this.#store.entries.update(owned.entry.id, {
        status: ending.status,
        outcome: ending.outcome,
        body: endSummary({
          spec: producer.spec,
          how: ending.how,
          durationMs: ending.durationMs,
          restMs: ending.restMs,
          channels: states,
          notes: [ending.note, left ? leftoverNote(left) : unfollowed(ending.held)],
        }),
        attributes: {
          ...closed.attributes,
          exit_code: ending.exitCode,
          signal: ending.signal,
          duration_ms: ending.durationMs === null ? null : Math.round(ending.durationMs),
          ended_by: ending.by,
          ended_seq: seq,
          ...(left ? { leftover: leftoverAttribute(left, states) } : {}),
        },
      });
      this.#tellChanged(tx, projectId, producer.run, [entry, ...channels]);
      if (left) tellLeftover(tx, { projectId, run: producer.run, entry, leftover: left, channels: states });
      this.onEnd(tx, entry);
      return { ...payload, seq };
    });
  }

  /** What runs on and is followed; all that is stored by now was written before. */
  #leftoverOf({ detached = [], followed }: Partial<Held> = {}, channels: readonly Entry[]): Leftover | undefined {
    if (!followed) return undefined;
    const ends = Object.fromEntries(channels.map((channel) => [String(channelNumber(channel)), channel.bytes]));
    return { since: this.#clock.now(), pids: detached, ends, limit: null, receipt: null, goneAt: null };
  }

  #fact(seq: number, producer: Producer, entry: Entry, channels: readonly Entry[]): EndedFact {
    return {
      seq,
      run: producer.run,
      path: entry.path,
      status: entry.status,
      outcome: entry.outcome,
      channels: channels.map(channelState),
      ...(producer.exitCode === null ? {} : { exit_code: producer.exitCode }),
      ...(producer.signal === null ? {} : { signal: producer.signal }),
      ...(typeof entry.attributes['rest_ms'] === 'number' ? { rest_ms: entry.attributes['rest_ms'] } : {}),
    };
  }

  #tellChanged(tx: JournalTx, projectId: number, run: string, entries: readonly Entry[]): void {
    for (const { path, status, outcome, version } of entries) {
      tx.event(projectId, run, 'entry/changed', { run, path, status, outcome, version });
    }
  }

  #next(producer: Producer, event: ProducerEvent): Producer['state'] {
    const next = PRODUCER_TABLE[producer.state][event];
    if (next !== null) return next;
    throw this.closed(producer);
  }

  /** The error for calls that come after the end. */
  closed(producer: Producer): HeadgateError {
    const entry = this.#store.entries.byId(producer.entryId);
    return new HeadgateError(
      'stream_closed',
      `${producer.path} has ended (${entry?.status ?? 'unknown'}${entry?.outcome ? ` ${entry.outcome}` : ''}); nothing more can be done to it, read it with stream/read`,
      { path: producer.path, terminal_status: entry?.status ?? null, outcome: entry?.outcome ?? null, state: producer.state },
    );
  }

  #sinceStart(producer: Producer): number | null {
    return producer.startedAt === null ? null : Math.max(0, this.#clock.now() - producer.startedAt);
  }

  #complete(producer: Producer, entry: Entry, channels?: readonly Entry[]): Owned {
    const run = this.#store.runs.byId(producer.runId);
    if (!run) throw new HeadgateError('not_found', `the run of ${producer.path} is gone`, { path: producer.path });
    return { producer, entry, channels: channels ?? channelEntries(this.#store, entry), projectId: run.projectId };
  }
}

/** What is said of processes whose output no runner brings any more. */
function unfollowed({ detached = [] }: Partial<Held> = {}): string | undefined {
  if (detached.length === 0) return undefined;
  return `still running in the background, output no longer followed: pid ${detached.join(', ')}`;
}

/** The name of a channel where it is not that of a command's, so that readers can show it. */
function nameOf({ spec }: ProducerPlan, channel: number): { name?: string } {
  const name = spec.channelNames?.[channel];
  return name === undefined ? {} : { name };
}
