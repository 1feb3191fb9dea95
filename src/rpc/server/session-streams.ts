import { HeadgateError } from '../../core/errors.ts';
import type { EventRecord } from '../../model/records.ts';
import { pathMatcher } from '../../runtime/path-pattern.ts';
import type { StreamSubscription, Streams } from '../../stream/index.ts';
import { StreamFeed } from './stream-feed.ts';
import type { MessageChannelLike } from './transports/message-channel.ts';

/** What a client subscribes to. */
export interface StreamSubscribeRequest {
  readonly projectId: number;
  readonly runId: number;
  readonly run: string;
  readonly path: string | undefined;
  readonly pattern: string | undefined;
  readonly channel: number | undefined;
  readonly from: number | 'start' | 'live';
  readonly format: 'raw' | 'text';
  /** `raw`: chunks as binary messages (SPEC {#raw_carriage}). */
  readonly carriage: 'json' | 'raw';
}

const MAX_HANDLE = 2 ** 32 - 1;

interface Open {
  readonly subscription: StreamSubscription;
  readonly runId: number;
  readonly run: string;
  /** Ends that the session's feed left to this subscription and that it has not delivered yet, by path. */
  readonly owed: Map<string, EventRecord>;
  /** Paths whose end it delivered before the session's feed came to it. */
  readonly told: Set<string>;
}

/** The stream subscriptions of one session (SPEC {#stream_subscribe}). */
export class SessionStreams {
  readonly #streams: Streams;
  readonly #channel: MessageChannelLike;
  readonly #nextId: () => number;
  #lastHandle = 0;
  readonly #unpaid: (event: EventRecord) => void;
  readonly #runIdOf: (run: string) => number | undefined;
  #open = new Map<number, Open>();

  /** @param options - `unpaid` takes a `stream/ended` whose subscription was closed before it delivered it */
  constructor(options: {
    streams: Streams;
    channel: MessageChannelLike;
    nextId: () => number;
    unpaid: (event: EventRecord) => void;
    runIdOf: (run: string) => number | undefined;
  }) {
    this.#streams = options.streams;
    this.#channel = options.channel;
    this.#nextId = options.nextId;
    this.#unpaid = options.unpaid;
    this.#runIdOf = options.runIdOf;
  }

  /**
   * Opens a subscription; call `start` once its id has been answered. Throws not_found, offset_conflict, invalid_params,
   * unsupported for binary messages on a connection of text lines.
   */
  subscribe(request: StreamSubscribeRequest): {
    subscription: StreamSubscription;
    start: () => void;
    handleOf: (path: string) => number | undefined;
  } {
    if (request.carriage === 'raw') requireBinary(this.#channel);
    const id = this.#nextId();
    const owed = new Map<string, EventRecord>();
    const told = new Set<string>();
    const ended = (path: string) => {
      if (!owed.delete(path)) told.add(path);
    };
    const feed = new StreamFeed({
      channel: this.#channel,
      format: request.format,
      ended: (end) => ended(end.path),
      handle: request.carriage === 'raw' ? () => this.#nextHandle() : undefined,
    });
    const subscription = this.#streams.subscribe(
      {
        projectId: request.projectId,
        runId: request.runId,
        ...(request.path === undefined ? {} : { path: request.path }),
        ...(request.pattern === undefined ? {} : { matches: pathMatcher(request.pattern) }),
        ...(request.channel === undefined ? {} : { channel: request.channel }),
      },
      request.from,
      id,
      feed,
    );
    this.#open.set(id, { subscription, runId: request.runId, run: request.run, owed, told });
    return { subscription, start: () => this.#open.has(id) && feed.start(subscription), handleOf: (path) => feed.handleOf(path) };
  }

  /** Unique on the connection until 2^32 - 1 of them have been given out; then they begin anew. */
  #nextHandle(): number {
    this.#lastHandle = (this.#lastHandle % MAX_HANDLE) + 1;
    return this.#lastHandle;
  }

  /** Ends a subscription; an end that it owed comes through the session's feed. */
  unsubscribe(id: number): void {
    const open = this.#open.get(id);
    if (!open) {
      throw new HeadgateError('not_found', `no stream subscription ${id} on this connection; event subscriptions end with unsubscribe`, {
        subscription: id,
      });
    }
    this.#open.delete(id);
    open.subscription.close();
    for (const event of open.owed.values()) this.#unpaid(event);
  }

  /** True when a subscription delivers this end itself, after its last chunk. */
  takes(event: EventRecord): boolean {
    const path = event.payload['path'];
    if (event.type !== 'stream/ended' || typeof path !== 'string') return false;
    for (const { subscription, runId, run, owed, told } of this.#open.values()) {
      if (!subscription.covers(runId, path)) continue;
      if (run !== event.run && (event.run === null || this.#runIdOf(event.run) !== runId)) continue;
      if (!told.delete(path)) owed.set(path, event);
      return true;
    }
    return false;
  }

  /** Sends on after the connection has drained, another subscription first each time, so that none starves. */
  pump(): void {
    const [first, ...rest] = this.#open;
    if (!first) return;
    this.#open = new Map([...rest, first]);
    for (const { subscription } of this.#open.values()) subscription.pump();
  }

  close(): void {
    for (const { subscription } of this.#open.values()) subscription.close();
    this.#open.clear();
  }
}

function requireBinary(channel: MessageChannelLike): void {
  if (channel.sendBinary) return;
  throw new HeadgateError('unsupported', 'this connection carries lines of text; take carriage "json", or connect by WebSocket', {
    field: 'carriage',
  });
}
