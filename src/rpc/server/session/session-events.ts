import { HeadgateError } from '../../../core/errors.ts';
import type { EventStore } from '../../../model/ports/store.ts';
import type { EventRecord } from '../../../model/records.ts';
import type { Said } from '../../../model/said.ts';
import type { Sight } from '../../../model/sight.ts';
import type { MessageChannelLike } from '../transports/message-channel.ts';
import { EventFeed } from './event-feed.ts';
import { eventFrame, notificationFrame } from './event-frame.ts';

/**
 * The event feeds of one session (SPEC {#events}, {#subscribe}). Without a subscription the session gets every event of
 * its project; with subscriptions each of them gets its own copies, and of the rest only `stream/cancelled` still
 * reaches the session, once.
 */
export class SessionEvents {
  readonly #sight: Sight;
  readonly #store: EventStore;
  readonly #channel: MessageChannelLike;
  readonly #nextId: () => number;
  readonly #leftToStream: (event: EventRecord) => boolean;
  readonly #shown: (event: EventRecord) => EventRecord;
  readonly #implicit: EventFeed;
  readonly #subscriptions = new Map<number, EventFeed>();
  /** Events that were the subscriptions' own, after `after` up to `upTo`: the implicit feed, which may lag, leaves them out. */
  readonly #subscribedTo: { readonly after: number; upTo: number }[] = [];

  /**
   * @param options - `leftToStream`: true for a `stream/ended` that a stream subscription of the session delivers; `shown`:
   * an event as the session may see it
   */
  constructor(options: {
    sight: Sight;
    store: EventStore;
    channel: MessageChannelLike;
    nextId: () => number;
    leftToStream: (event: EventRecord) => boolean;
    shown?: (event: EventRecord) => EventRecord;
  }) {
    this.#sight = options.sight;
    this.#store = options.store;
    this.#channel = options.channel;
    this.#nextId = options.nextId;
    this.#leftToStream = options.leftToStream;
    this.#shown = options.shown ?? ((event) => event);
    this.#implicit = this.#feed(undefined, undefined, this.lastSeq(), (event) => this.#implicitAccepts(event));
  }

  /** Sequence number of the project's last event. */
  lastSeq(): number {
    return this.#store.lastSeq(this.#sight.projectId);
  }

  /** Sequence number up to which the feed that needs no subscription has looked at every event. */
  get passed(): number {
    return this.#implicit.cursor;
  }

  /** How many subscriptions there are. */
  get subscriptions(): number {
    return this.#subscriptions.size;
  }

  /** Begins the feed that needs no subscription. */
  start(): void {
    this.#implicit.start();
  }

  /**
   * Opens a subscription; call `start` once its id has been returned.
   *
   * @param run - only events of this run, whatever it is called
   * @param since - sequence number after which to replay; without it only what comes
   */
  subscribe(run: (() => string) | undefined, since: number | undefined): { subscription: number; lastSeq: number; start: () => void } {
    const lastSeq = this.lastSeq();
    if (since !== undefined && since > lastSeq) {
      throw new HeadgateError('invalid_params', `since ${since} is beyond the last event (${lastSeq}); this server has not told it`, {
        field: 'since',
        lastSeq,
      });
    }
    // A run's events are kept as long as the run; only a replay of everything can have lost some.
    const trimmedTo = this.#store.trimmedTo(this.#sight.projectId);
    if (run === undefined && since !== undefined && since < trimmedTo) {
      throw new HeadgateError(
        'since_trimmed',
        `events after ${since} are no longer kept; subscribe with since: ${trimmedTo} and read the present state with getRuns`,
        { field: 'since', trimmed_to: trimmedTo },
      );
    }
    const subscription = this.#nextId();
    const feed = this.#feed(subscription, run, since ?? lastSeq, undefined);
    if (this.#subscriptions.size === 0) this.#subscribedTo.push({ after: lastSeq, upTo: Number.POSITIVE_INFINITY });
    this.#subscriptions.set(subscription, feed);
    return { subscription, lastSeq, start: () => feed.start() };
  }

  /** Ends a subscription; after the last one the session gets every event again, from there on. */
  unsubscribe(subscription: number): void {
    const feed = this.#subscriptions.get(subscription);
    if (!feed) {
      throw new HeadgateError(
        'not_found',
        `no event subscription ${subscription} on this connection; stream subscriptions end with stream/unsubscribe`,
        {
          subscription,
        },
      );
    }
    feed.close();
    this.#subscriptions.delete(subscription);
    const window = this.#subscribedTo.at(-1);
    if (this.#subscriptions.size === 0 && window) window.upTo = this.lastSeq();
  }

  /** Hands a new event to every feed. */
  offer(event: EventRecord): void {
    this.#implicit.offer(event);
    for (const feed of this.#subscriptions.values()) feed.offer(event);
  }

  /** Tells what a model says: to each subscription that hears it, without one to the session (SPEC {#model_stream}). */
  say({ run, turn, offset, text }: Said): void {
    if (text === '') return;
    const params = { run, turn, offset, text };
    if (this.#subscriptions.size === 0) {
      if (this.#implicit.hears(run)) this.#channel.send(notificationFrame('run/text', params));
      return;
    }
    for (const [subscription, feed] of this.#subscriptions)
      if (feed.hears(run)) this.#channel.send(notificationFrame('run/text', { subscription, ...params }));
  }

  /** Sends on after the connection has drained. */
  pump(): void {
    this.#implicit.pump();
    for (const feed of this.#subscriptions.values()) feed.pump();
  }

  /** Sends an event that was left to a stream subscription which ended before it could deliver it. */
  tell(event: EventRecord): void {
    if (!this.#ownTo(event)) this.#channel.send(eventFrame(this.#shown(event), undefined));
  }

  close(): void {
    this.#implicit.close();
    for (const feed of this.#subscriptions.values()) feed.close();
    this.#subscriptions.clear();
  }

  #implicitAccepts(event: EventRecord): boolean {
    const left = this.#leftToStream(event);
    if (!this.#ownTo(event)) return !left;
    return event.type === 'stream/cancelled' && !this.#subscribed(event);
  }

  /** True for an event that came while the session had subscriptions: it is theirs. */
  #ownTo(event: EventRecord): boolean {
    return this.#subscribedTo.some(({ after, upTo }) => event.seq > after && event.seq <= upTo);
  }

  #subscribed(event: EventRecord): boolean {
    for (const feed of this.#subscriptions.values()) if (feed.covers(event)) return true;
    return false;
  }

  #feed(
    subscription: number | undefined,
    run: (() => string) | undefined,
    after: number,
    accepts: ((event: EventRecord) => boolean) | undefined,
  ): EventFeed {
    const channel = this.#channel;
    return new EventFeed({
      sight: this.#sight,
      run,
      after,
      events: this.#store,
      sink: {
        bufferedBytes: () => channel.bufferedBytes(),
        event: (event) => channel.send(eventFrame(this.#shown(event), subscription)),
        synced: (seq) => {
          if (subscription !== undefined) channel.send(notificationFrame('replay/synced', { subscription, seq }));
        },
      },
      ...(accepts ? { accepts } : {}),
    });
  }
}
