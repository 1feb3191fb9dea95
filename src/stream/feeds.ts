import { isEnd } from '../core/end-status.ts';
import type { Store } from '../model/ports/store.ts';
import type { Entry, Producer } from '../model/records.ts';
import type { Redaction } from '../redact/index.ts';
import { channelNumber } from './channels.ts';
import { Feed } from './feed.ts';
import { MaskedFeed, type ReaderFeed } from './masked-feed.ts';
import type { Subscription } from './subscription.ts';

interface Registered {
  readonly feeds: readonly Feed[];
  readonly subscriptions: Set<Subscription>;
  /** Made when the first reader comes who may not see secrets. */
  masked?: readonly MaskedFeed[];
}

/** The feeds of every producer that lives or is read, by the id of its log entry. */
export class Feeds {
  readonly #store: Store;
  readonly #redaction: Redaction;
  readonly #byProducer = new Map<number, Registered>();
  readonly #byChannel = new Map<number, { readonly feed: Feed; readonly owner: Registered }>();

  constructor(store: Store, redaction: Redaction) {
    this.#store = store;
    this.#redaction = redaction;
  }

  /** The feeds of a producer, in order of channel number; made when it has none yet. */
  of(run: string, entry: Entry, channels: readonly Entry[]): readonly Feed[] {
    return this.#registered(run, entry, channels).feeds;
  }

  /**
   * Binds a subscription to a producer: it is pumped whenever something is stored there. One that may not see secrets gets
   * feeds in which they are masked.
   */
  attach(subscription: Subscription, producer: Producer, entry: Entry, channels: readonly Entry[]): readonly ReaderFeed[] {
    const registered = this.#registered(producer.run, entry, channels);
    registered.subscriptions.add(subscription);
    if (!subscription.selector.redact) return registered.feeds;
    const released = () => {
      for (const reader of [...registered.subscriptions]) reader.pump();
    };
    const { holdMs } = this.#redaction;
    const matcher = this.#redaction.matcher(producer.spec.env);
    registered.masked ??= registered.feeds.map(
      (feed) => new MaskedFeed({ feed, matcher, channels: this.#store.channels, holdMs, released }),
    );
    return registered.masked;
  }

  /** The subscriptions bound to a producer. */
  subscriptions(entryId: number): Iterable<Subscription> {
    return this.#byProducer.get(entryId)?.subscriptions ?? [];
  }

  /** Bytes have been stored in a channel. */
  stored(channelId: number, bytes: Buffer, at: number): void {
    const found = this.#byChannel.get(channelId);
    // What comes after the end is for those who begin to read later.
    if (!found || found.feed.ended) return;
    found.feed.publish(bytes, at);
    found.owner.masked?.[found.owner.feeds.indexOf(found.feed)]?.publish(bytes);
    for (const subscription of found.owner.subscriptions) subscription.pump();
  }

  /** The producer's channels take no more. */
  end(entryId: number, at: number): void {
    const registered = this.#byProducer.get(entryId);
    for (const feed of registered?.feeds ?? []) feed.end(at);
    for (const feed of registered?.masked ?? []) feed.end();
  }

  /** The subscription is gone; feeds without readers and without a writer are dropped. */
  detach(subscription: Subscription): void {
    for (const [entryId, registered] of this.#byProducer) {
      if (registered.subscriptions.delete(subscription)) this.#drop(entryId, registered);
    }
  }

  /** The subscription has had everything of this producer. */
  leave(subscription: Subscription, entryId: number): void {
    this.#byProducer.get(entryId)?.subscriptions.delete(subscription);
    this.release(entryId);
  }

  /** Drops the feeds of an ended producer that have no reader. */
  release(entryId: number): void {
    const registered = this.#byProducer.get(entryId);
    if (registered) this.#drop(entryId, registered);
  }

  #drop(entryId: number, registered: Registered): void {
    if (registered.subscriptions.size > 0 || registered.feeds.some((feed) => !feed.ended)) return;
    this.#byProducer.delete(entryId);
    for (const feed of registered.feeds) this.#byChannel.delete(feed.entryId);
  }

  #registered(run: string, entry: Entry, channels: readonly Entry[]): Registered {
    const known = this.#byProducer.get(entry.id);
    // A reader that has not come to the end of a command keeps its feeds; what was written since is in new ones.
    if (known && !known.feeds.some(({ ended, entryId, head }) => ended && head < this.#store.channels.head(entryId).bytes)) return known;
    const feeds = channels.map(
      (channel) =>
        new Feed({
          run,
          path: entry.path,
          channel: channelNumber(channel),
          entryId: channel.id,
          channels: this.#store.channels,
          ended: isEnd(channel.status),
        }),
    );
    const registered: Registered = { feeds, subscriptions: new Set() };
    this.#byProducer.set(entry.id, registered);
    for (const feed of feeds) this.#byChannel.set(feed.entryId, { feed, owner: registered });
    return registered;
  }
}
