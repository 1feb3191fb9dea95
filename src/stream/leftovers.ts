import type { Clock } from '../core/clock.ts';
import { defined } from '../core/defined.ts';
import type { LeftoverFact } from '../model/ports/runner.ts';
import type { Store } from '../model/ports/store.ts';
import { askedKill, type KillReceipt, type Leftover, openLeftover, pendingReceipt } from '../model/records.ts';
import { channelEntries, channelState } from './channels.ts';
import type { Journal } from './journal.ts';
import { leftoverAttribute, tellLeftover } from './leftover-facts.ts';
import type { Lifecycle, Owned } from './lifecycle.ts';

/**
 * What runs on of producers that have ended: its record, what the log entry says of it, and the events that tell of it, changed
 * together in one transaction (SPEC {#detached}).
 */
export class Leftovers {
  readonly #store: Store;
  readonly #journal: Journal;
  readonly #clock: Clock;
  readonly #lifecycle: Lifecycle;
  readonly #lastOutput: ReadonlyMap<number, number>;

  constructor(options: { store: Store; journal: Journal; clock: Clock; lifecycle: Lifecycle; lastOutput: ReadonlyMap<number, number> }) {
    this.#store = options.store;
    this.#journal = options.journal;
    this.#clock = options.clock;
    this.#lifecycle = options.lifecycle;
    this.#lastOutput = options.lastOutput;
  }

  /** How it is now. Throws `stream_closed` when nothing of it runs any more. */
  changed(owned: Owned, { pids, limit, gone }: LeftoverFact): void {
    this.#change(owned, (before, now) => ({
      ...before,
      pids: gone ? [] : pids,
      limit: before.limit ?? limit,
      goneAt: gone ? now : null,
      // It has ended before its kill was begun: there was nothing to signal.
      receipt: gone && before.receipt?.finishedAt === null ? { ...before.receipt, finishedAt: now } : before.receipt,
    }));
  }

  /** Its kill was asked for, and follows. Returns false when that was so before. Throws `stream_closed` when nothing of it runs any more. */
  cancelled(owned: Owned, o: { by: string; reason: string | null; signal: string; graceMs: number }): boolean {
    if (openLeftover(owned.producer)?.receipt) return false;
    this.#change(owned, (before, requestedAt) => {
      const { by: requestedBy, reason, signal, graceMs } = o;
      return { ...before, receipt: pendingReceipt({ requestedBy, reason, signal, graceMs }, requestedAt) };
    });
    return true;
  }

  /** Its kill is over. */
  killed(owned: Owned, receipt: KillReceipt): void {
    const { leftover } = owned.producer;
    const asked = leftover?.receipt ? askedKill(leftover.receipt) : {};
    const whole = { ...asked, ...receipt };
    // It had ended by itself just before: the receipt says so once more.
    if (leftover?.receipt && leftover.goneAt !== null) return this.#storeReceipt(owned, { ...leftover, receipt: whole });
    this.#change(owned, (before, now) => ({ ...before, pids: receipt.escaped, receipt: whole, goneAt: now }));
  }

  #storeReceipt({ producer }: Owned, leftover: Leftover): void {
    this.#journal.commit('durable', () => this.#store.producers.update(producer.entryId, { leftover }));
  }

  #change(owned: Owned, change: (before: Leftover, now: number) => Leftover): void {
    this.#journal.commit('durable', (tx) => {
      const { producer, projectId } = owned;
      const before = openLeftover(producer);
      if (!before) throw this.#lifecycle.closed(producer);
      const after = change(before, this.#clock.now());
      const lastOutputAt = this.#lastOutput.get(producer.entryId);
      this.#store.producers.update(producer.entryId, { leftover: after, ...defined({ lastOutputAt }) });
      // Callers ask for the processes when they need them.
      if (after.goneAt === before.goneAt && after.limit === before.limit && after.receipt === before.receipt) return;
      const entry = this.#store.entries.byId(owned.entry.id) ?? owned.entry;
      const channels = channelEntries(this.#store, entry).map(channelState);
      const changed = this.#store.entries.update(entry.id, {
        // Its text stays: records of what models were shown quote it.
        attributes: { ...entry.attributes, leftover: leftoverAttribute(after, channels) },
      });
      tellLeftover(tx, { projectId, run: producer.run, entry: changed, leftover: after, channels });
      const { path, status, outcome, version } = changed;
      tx.event(projectId, producer.run, 'entry/changed', { run: producer.run, path, status, outcome, version });
    });
  }
}
