import { messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { Store } from '../model/ports/store.ts';
import type { EventRecord } from '../model/records.ts';
import { deadEnd, mayEndReaders } from './dead-ends.ts';
import type { Journal } from './journal.ts';
import type { Subscription } from './subscription.ts';

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

  /** Takes a subscription on; it is served first on a later tick, when its request has been answered. */
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

  /** Closes all of them; none is told why. */
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
