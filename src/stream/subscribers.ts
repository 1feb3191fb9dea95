import { isEnd } from '../core/end-status.ts';
import { messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { Store } from '../model/ports/store.ts';
import type { EventRecord } from '../model/records.ts';
import type { Journal } from './journal.ts';
import type { Subscription } from './subscription.ts';
import type { ClosedFact, StreamSelector } from './types.ts';

/** The open stream subscriptions; ends those that can bring nothing more, as soon as that is so (SPEC {#stream_closed}). */
export class Subscribers {
  readonly #store: Store;
  readonly #logger: Logger;
  /** Each with the alias that its run had when it was opened. */
  readonly #open = new Map<Subscription, string>();
  readonly #stopEvents: () => void;

  constructor(options: { store: Store; journal: Journal; logger: Logger }) {
    this.#store = options.store;
    this.#logger = options.logger;
    this.#stopEvents = options.journal.onEvent((event) => this.#happened(event));
  }

  /** Takes a subscription on; it is first served on a later tick, after the response to its request. */
  add(subscription: Subscription): void {
    this.#open.set(subscription, this.#store.runs.byId(subscription.selector.runId)?.alias ?? '');
    setImmediate(() => {
      subscription.pump();
      this.#endDead(subscription);
    });
  }

  /** Forgets one that has been closed. */
  delete(subscription: Subscription): void {
    this.#open.delete(subscription);
  }

  /** Those that take in a log entry. */
  wanting(runId: number, path: string): Subscription[] {
    return [...this.#open.keys()].filter((subscription) => subscription.wants(runId, path));
  }

  /** Closes all of them without a reason. */
  close(): void {
    this.#stopEvents();
    for (const subscription of [...this.#open.keys()]) subscription.close();
  }

  #happened(event: EventRecord): void {
    if (this.#open.size === 0 || !mayEndReaders(event)) return;
    const path = event.payload['path'];
    for (const subscription of [...this.#open.keys()]) {
      if (path === undefined || subscription.selector.path === path) this.#endDead(subscription);
    }
  }

  #endDead(subscription: Subscription): void {
    const alias = this.#open.get(subscription);
    if (alias === undefined) return;
    try {
      const fact = deadEnd(this.#store, subscription.selector, alias);
      if (fact) subscription.end(fact);
    } catch (error) {
      this.#logger.error({ error: messageOf(error) }, 'a reader could not be told that nothing more comes');
    }
  }
}

/** True for an event after which a subscription may have nothing more to wait for: a run or an entry is over. */
function mayEndReaders({ type, payload }: EventRecord): boolean {
  return (type === 'run/state' && payload['deleted'] === true) || (type === 'entry/changed' && payload['status'] !== 102);
}

/**
 * Why a subscription with this selector, opened as `alias`, can deliver nothing more; undefined while it can, and for
 * one whose producer has ended, which says so itself (SPEC {#stream_closed}).
 */
function deadEnd(store: Pick<Store, 'runs' | 'entries' | 'producers'>, selector: StreamSelector, alias: string): ClosedFact | undefined {
  const { runId, path } = selector;
  const named = path === undefined ? {} : { path };
  const run = store.runs.byId(runId);
  if (!run) return { run: alias, ...named, reason: 'run_deleted' };
  if (path === undefined) return undefined;
  const entry = store.entries.get(runId, path);
  if (!entry || !isEnd(entry.status) || store.producers.get(entry.id)) return undefined;
  return { run: run.alias, path, reason: 'never_started', status: entry.status, outcome: entry.outcome };
}
