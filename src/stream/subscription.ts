import type { ReaderFeed } from './masked-feed.ts';
import type { ClosedFact, EndedFact, StreamSelector, StreamSink, StreamSubscription, SubscribedChannel } from './types.ts';

/** The connection's buffered bytes at which a subscription stops feeding it (SPEC {#stream_backpressure}). */
export const HIGH_WATER_BYTES = 1024 * 1024;
/** How far a reader `from: "live"` may fall behind before it is taken to the tail. */
const LIVE_LAG_BYTES = 8 * 1024 * 1024;
/** Bytes that one subscription sends before others get their turn. */
const BURST_BYTES = 1024 * 1024;

interface Cursor {
  readonly feed: ReaderFeed;
  offset: number;
}

interface Followed {
  readonly entryId: number;
  readonly path: string;
  readonly cursors: Cursor[];
  end: EndedFact | undefined;
}

/** What a subscription follows, as the producers' registry hands it over. */
export interface FollowTarget {
  readonly entryId: number;
  readonly runId: number;
  readonly path: string;
  readonly feeds: readonly ReaderFeed[];
  readonly end: EndedFact | undefined;
}

/**
 * A set of cursors over stored channels, bound to one connection. It holds positions, never bytes: a connection that
 * does not drain costs nothing, and is read on from the store where it stopped (SPEC {#stream_cursor}).
 */
export class Subscription implements StreamSubscription {
  readonly id: number;
  readonly selector: StreamSelector;
  channels: readonly SubscribedChannel[] = [];
  readonly #from: number | 'start' | 'live';
  readonly #sink: StreamSink;
  readonly #closed: (subscription: Subscription) => void;
  readonly #through: (entryId: number) => void;
  readonly #failed: (error: unknown) => void;
  readonly #followed = new Map<string, Followed>();
  #open = true;
  #again = false;
  #pumping = false;

  constructor(options: {
    id: number;
    selector: StreamSelector;
    from: number | 'start' | 'live';
    sink: StreamSink;
    closed: (subscription: Subscription) => void;
    /** Told when everything of a producer, its end included, has been delivered. */
    through: (entryId: number) => void;
    /** Told when a piece could not be read. */
    failed: (error: unknown) => void;
  }) {
    this.id = options.id;
    this.selector = options.selector;
    this.#from = options.from;
    this.#sink = options.sink;
    this.#closed = options.closed;
    this.#through = options.through;
    this.#failed = options.failed;
  }

  /** True when the selector takes in this log entry. */
  wants(runId: number, path: string): boolean {
    const { selector } = this;
    if (selector.runId !== runId) return false;
    if (selector.path !== undefined) return selector.path === path;
    return selector.matches?.(path) ?? true;
  }

  covers(runId: number, path: string): boolean {
    return this.#open && this.wants(runId, path);
  }

  /** Starts following a producer; what is there is sent by the next `pump`. Returns where each channel begins. */
  follow(target: FollowTarget): Map<number, number> {
    const offsets = new Map<number, number>();
    if (!this.#open || this.#followed.has(target.path)) return offsets;
    const feeds = target.feeds.filter((feed) => this.selector.channel === undefined || feed.channel === this.selector.channel);
    const cursors = feeds.map((feed) => {
      const offset = this.#from === 'start' ? 0 : this.#from === 'live' ? feed.boundary : this.#from;
      offsets.set(feed.channel, offset);
      feed.attach();
      return { feed, offset };
    });
    this.#followed.set(target.path, { entryId: target.entryId, path: target.path, cursors, end: target.end });
    return offsets;
  }

  /** The producer at `path` has ended; it is told after the last chunk. */
  ended(path: string, end: EndedFact): void {
    const followed = this.#followed.get(path);
    if (!followed) return;
    followed.end = end;
    this.pump();
  }

  pump(): void {
    // A connection that drains while it is being fed calls again from inside.
    if (!this.#open || this.#pumping) return;
    this.#pumping = true;
    try {
      this.#burst();
    } catch (error) {
      this.#failed(error);
    } finally {
      this.#pumping = false;
    }
  }

  #burst(): void {
    let sent = 0;
    let progress = true;
    while (progress) {
      progress = false;
      for (const followed of this.#followed.values()) {
        for (const cursor of followed.cursors) {
          if (this.#sink.bufferedBytes() >= HIGH_WATER_BYTES) return;
          if (sent >= BURST_BYTES) return this.#later();
          if (this.#from === 'live') this.#skip(followed.path, cursor);
          const piece = cursor.feed.pieceAt(cursor.offset);
          if (!piece) continue;
          this.#sink.chunk(this.id, piece);
          cursor.offset += piece.bytes.length;
          sent += piece.bytes.length;
          progress = true;
          if (!this.#open) return;
        }
        this.#tellEnd(followed);
      }
    }
  }

  /** Closes it and says why nothing more comes. */
  end(fact: ClosedFact): void {
    if (!this.#open) return;
    this.close();
    this.#sink.closed(this.id, fact);
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    for (const followed of this.#followed.values()) release(followed);
    this.#followed.clear();
    this.#closed(this);
  }

  #tellEnd(followed: Followed): void {
    if (!followed.end) return;
    if (followed.cursors.some((cursor) => !cursor.feed.ended || cursor.offset < cursor.feed.boundary)) return;
    // Nothing is kept of what has been delivered: a subscription by pattern may live for years.
    this.#followed.delete(followed.path);
    release(followed);
    this.#through(followed.entryId);
    this.#sink.ended(this.id, followed.end);
  }

  #skip(path: string, cursor: Cursor): void {
    const { feed } = cursor;
    if (feed.boundary - cursor.offset <= LIVE_LAG_BYTES) return;
    const gap = { run: feed.run, path, channel: feed.channel, from: cursor.offset, to: feed.boundary };
    cursor.offset = feed.boundary;
    this.#sink.gap(this.id, gap);
  }

  #later(): void {
    if (this.#again) return;
    this.#again = true;
    setImmediate(() => {
      this.#again = false;
      this.pump();
    });
  }
}

function release(followed: Followed): void {
  for (const cursor of followed.cursors) cursor.feed.detach();
}
