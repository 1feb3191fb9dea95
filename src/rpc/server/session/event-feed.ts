import type { EventStore } from '../../../model/ports/store.ts';
import type { EventRecord } from '../../../model/records.ts';
import type { Sight } from '../../../model/sight.ts';
import { HIGH_WATER_BYTES } from '../../../stream/index.ts';

/** Events read from the store at a time. */
const PAGE_EVENTS = 256;

/** Where a feed delivers: one connection. */
export interface EventSink {
  /** Bytes given to the connection that have not left the process. */
  bufferedBytes(): number;
  event(event: EventRecord): void;
  /** The replay has reached the present; told once. */
  synced(seq: number): void;
}

export interface EventFeedOptions {
  /** Only events of runs within it. */
  readonly sight: Sight;
  /** Only events of one run: its alias at the moment, since a run keeps its events when it is renamed. */
  readonly run: (() => string) | undefined;
  /** Sequence number of the last event that the client has. */
  readonly after: number;
  /** Decides, when an event's turn comes, whether this client gets it; all by default. */
  readonly accepts?: (event: EventRecord) => boolean;
  readonly events: EventStore;
  readonly sink: EventSink;
}

/**
 * A cursor over the event log, bound to one connection. It keeps a position and no events: while the client keeps up
 * it is handed what has just been stored, and once its buffer passes the high-water mark it is read on from the store,
 * in order, when the buffer has drained (SPEC {#subscribe}).
 */
export class EventFeed {
  readonly #options: EventFeedOptions;
  #cursor: number;
  /** Closed until the answer to the request that opened it has been sent. */
  #state: 'held' | 'behind' | 'live' | 'closed' = 'held';
  #synced = false;

  constructor(options: EventFeedOptions) {
    this.#options = options;
    this.#cursor = options.after;
  }

  /** Sequence number up to which every event has been looked at. */
  get cursor(): number {
    return this.#cursor;
  }

  /** True for an event of the run that this feed is about, or of any when it is about all. */
  covers(event: EventRecord): boolean {
    const { run } = this.#options;
    return run === undefined || event.run === run();
  }

  /** True when events that are not stored may be sent too: the feed covers this run, has caught up, and its connection has room. */
  hears(run: string): boolean {
    const own = this.#options.run;
    return this.#state === 'live' && (own === undefined || own() === run) && !this.#full();
  }

  /** Begins to send; what the client has not got yet comes first. */
  start(): void {
    if (this.#state !== 'held') return;
    this.#state = 'behind';
    this.pump();
  }

  /** Takes an event that has just been stored. A feed that is behind ignores it and finds it in the store later. */
  offer(event: EventRecord): void {
    if (this.#state !== 'live' || event.seq <= this.#cursor) return;
    if (!this.covers(event)) this.#cursor = event.seq;
    else if (this.#full()) this.#state = 'behind';
    else this.#deliver(event);
  }

  /** Sends what is there while the connection has room. */
  pump(): void {
    if (this.#state !== 'behind') return;
    const { events, sight, run } = this.#options;
    while (this.#mayRead()) {
      const page = events.since({ sight, run: run?.(), seq: this.#cursor, limit: PAGE_EVENTS });
      for (const event of page) {
        if (!this.#mayRead()) return;
        this.#deliver(event);
      }
      if (page.length < PAGE_EVENTS) return this.#caughtUp();
    }
  }

  close(): void {
    this.#state = 'closed';
  }

  #mayRead(): boolean {
    return this.#state === 'behind' && !this.#full();
  }

  #full(): boolean {
    return this.#options.sink.bufferedBytes() >= HIGH_WATER_BYTES;
  }

  #caughtUp(): void {
    this.#state = 'live';
    if (this.#synced) return;
    this.#synced = true;
    this.#options.sink.synced(this.#cursor);
  }

  #deliver(event: EventRecord): void {
    this.#cursor = event.seq;
    const { accepts, sink } = this.#options;
    if (!accepts || accepts(event)) sink.event(event);
    // The alias may name another run from now on.
    if (this.#options.run && event.type === 'run/state' && event.payload['deleted'] === true) this.close();
  }
}
