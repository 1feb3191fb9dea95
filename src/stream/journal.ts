import { messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { Store } from '../model/ports/store.ts';
import type { EventRecord, Run } from '../model/records.ts';

/** What may be done inside one journal transaction beside changing the store. */
export interface JournalTx {
  /**
   * Appends a durable event; listeners are told after the commit. `type` is the notification's method name, `gone` the run when
   * it is not there any more.
   */
  event(projectId: number, run: string | null, type: string, payload: Readonly<Record<string, unknown>>, gone?: Run): EventRecord;
  /** Runs after the commit, once the events have been told. */
  after(work: () => void): void;
}

/**
 * Store first, then tell: changes and their events are committed in one transaction, and only then do listeners hear
 * of them, in the order of their sequence numbers (SPEC {#store_then_tell}).
 */
export class Journal {
  readonly #store: Store;
  readonly #logger: Logger;
  readonly #listeners = new Set<(event: EventRecord) => void>();
  #open: JournalTx | undefined;
  #outbox: (() => void)[] = [];
  #telling = false;

  constructor(options: { store: Store; logger: Logger }) {
    this.#store = options.store;
    this.#logger = options.logger;
  }

  /**
   * Runs `work` in one transaction and tells its events after the commit, on the same tick. A nested call joins the
   * outer transaction. Throws what `work` throws; then nothing is stored and no event is sent.
   */
  commit<T>(durability: 'durable' | 'fast', work: (tx: JournalTx) => T): T {
    if (this.#open) return work(this.#open);
    const events: EventRecord[] = [];
    const after: (() => void)[] = [];
    const tx: JournalTx = {
      event: (projectId, run, type, payload, gone) => {
        const event = this.#store.events.append({ projectId, run, type, payload, ...(gone ? { madeWith: gone.madeWith } : {}) });
        events.push(event);
        return event;
      },
      after: (work) => void after.push(work),
    };
    this.#open = tx;
    let result: T;
    try {
      result = this.#store.transaction(durability, () => work(tx));
    } finally {
      this.#open = undefined;
    }
    for (const event of events) this.#outbox.push(() => this.#tell(event));
    this.#outbox.push(...after);
    this.#deliver();
    return result;
  }

  /** Calls `listener` with every event of every project after its commit. Returns how to stop it. */
  onEvent(listener: (event: EventRecord) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #tell(event: EventRecord): void {
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch (error) {
        this.#logger.error({ type: event.type, seq: event.seq, error: messageOf(error) }, 'an event listener failed');
      }
    }
  }

  /** A commit made by a listener only queues its events: the order of sequence numbers is kept. */
  #deliver(): void {
    if (this.#telling) return;
    this.#telling = true;
    try {
      for (let next = this.#outbox.shift(); next; next = this.#outbox.shift()) {
        try {
          next();
        } catch (error) {
          this.#logger.error({ error: messageOf(error) }, 'work after a commit failed');
        }
      }
    } finally {
      this.#telling = false;
    }
  }
}
