import { defined } from '../../../core/defined.ts';
import { HeadgateError } from '../../../core/errors.ts';
import type { EventRecord } from '../../../model/records.ts';
import { pathMatcher } from '../../../runtime/path-pattern.ts';
import type { EndedFact, StreamSubscription, Streams } from '../../../stream/index.ts';
import type { MessageChannelLike } from '../transports/message-channel.ts';
import { StreamFeed } from './stream-feed.ts';

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
  /** Secrets are masked (SPEC {#redaction_stream}). */
  readonly redact: boolean;
}

const MAX_HANDLE = 2 ** 32 - 1;

interface Open {
  readonly subscription: StreamSubscription;
  readonly runId: number;
  readonly run: string;
  /** Ends that the session's feed left to this subscription and that it has not delivered yet, by path. */
  readonly owed: Map<string, EventRecord>;
  /** Paths whose end it delivered before the session's feed has come to it. */
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
  readonly #passed: () => number;
  #open = new Map<number, Open>();

  /**
   * @param options - `unpaid` takes a `stream/ended` whose subscription was closed before it delivered it; `passed`:
   * the sequence number up to which the session's feed has asked `takes`
   */
  constructor(options: {
    streams: Streams;
    channel: MessageChannelLike;
    nextId: () => number;
    unpaid: (event: EventRecord) => void;
    runIdOf: (run: string) => number | undefined;
    passed: () => number;
  }) {
    this.#streams = options.streams;
    this.#channel = options.channel;
    this.#nextId = options.nextId;
    this.#unpaid = options.unpaid;
    this.#runIdOf = options.runIdOf;
    this.#passed = options.passed;
  }

  /** How many there are. */
  get size(): number {
    return this.#open.size;
  }

  /**
   * Opens a subscription; call `start` once its id has been returned. Throws not_found, offset_conflict, invalid_params,
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
    const ended = ({ path, seq }: EndedFact) => {
      // The session's feed asks about every event once: nothing is noted for one that it has asked about already.
      if (!owed.delete(path) && seq > this.#passed()) told.add(path);
    };
    const feed = new StreamFeed({
      channel: this.#channel,
      format: request.format,
      ended,
      closed: () => this.#drop(id),
      handle: request.carriage === 'raw' ? () => this.#nextHandle() : undefined,
    });
    const subscription = this.#streams.subscribe(
      {
        projectId: request.projectId,
        runId: request.runId,
        redact: request.redact,
        ...defined({ path: request.path }),
        ...(request.pattern === undefined ? {} : { matches: pathMatcher(request.pattern) }),
        ...defined({ channel: request.channel }),
      },
      request.from,
      id,
      feed,
    );
    this.#open.set(id, { subscription, runId: request.runId, run: request.run, owed, told });
    return { subscription, start: () => this.#open.has(id) && feed.start(subscription), handleOf: (path) => feed.handleOf(path) };
  }

  /** Unique on the connection until 2^32 - 1 of them have been given out; then they begin again. */
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
    this.#drop(id);
  }

  /** True when a subscription delivers this end itself, after its last chunk. The session's feed asks once for each event. */
  takes(event: EventRecord): boolean {
    const path = event.payload['path'];
    if (event.type !== 'stream/ended' || typeof path !== 'string') return false;
    const covering = this.#covering(event, path);
    for (const { owed, told } of covering) if (!told.delete(path)) owed.set(path, event);
    return covering.length > 0;
  }

  /** Ends that are noted because only one of feed and subscription has come to them. */
  get pendingEnds(): number {
    let ends = 0;
    for (const { owed, told } of this.#open.values()) ends += owed.size + told.size;
    return ends;
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

  /** Forgets a subscription; the ends that it owed come through the session's feed. */
  #drop(id: number): void {
    const open = this.#open.get(id);
    if (!open) return;
    this.#open.delete(id);
    open.subscription.close();
    for (const [path, event] of open.owed) if (this.#covering(event, path).length === 0) this.#unpaid(event);
  }

  #covering(event: EventRecord, path: string): Open[] {
    return [...this.#open.values()].filter(
      ({ subscription, runId, run }) =>
        subscription.covers(runId, path) && (run === event.run || (event.run !== null && this.#runIdOf(event.run) === runId)),
    );
  }
}

function requireBinary(channel: MessageChannelLike): void {
  if (channel.sendBinary) return;
  throw new HeadgateError('unsupported', 'this connection carries lines of text; take carriage "json", or connect by WebSocket', {
    field: 'carriage',
  });
}
