import type { NotificationParamsOf, ResultOf } from '../protocol/table.ts';
import { chunkBytes } from './bytes.ts';
import type { OutputFrame, RpcClient } from './client.ts';
import { ConnectionClosed, StreamClosed } from './errors.ts';

/** How a producer ended. */
export type StreamEnd = NotificationParamsOf<'stream/ended'>;
type Chunk = NotificationParamsOf<'stream/chunk'>;
type Opened = NotificationParamsOf<'stream/opened'>;
type Closed = NotificationParamsOf<'stream/closed'>;

/** A piece of a channel's output. */
export interface FollowedChunk {
  readonly channel: number;
  /** Byte offset of its first byte in the channel. */
  readonly offset: number;
  readonly bytes: Uint8Array;
}

export interface FollowOptions {
  /** One channel only; all by default. */
  readonly channel?: number;
  /** Byte offset to begin at, `start` (default) or `live`. */
  readonly from?: number | 'start' | 'live';
}

/** Bytes kept for a slow reader before its subscriptions are given up, and below which they are opened again. */
const HIGH_WATER_BYTES = 4 * 1024 * 1024;
const LOW_WATER_BYTES = 256 * 1024;

/** Reads a producer's output to its end; see `RpcClient.follow`. */
export async function* follow(
  client: RpcClient,
  run: string,
  path: string,
  options: FollowOptions,
): AsyncGenerator<FollowedChunk, StreamEnd, void> {
  const follower = new Follower(client, run, path);
  try {
    await follower.open(options.channel, options.from ?? 'start');
    for (let next = await follower.next(); next; next = await follower.next()) yield next;
    return follower.end();
  } finally {
    follower.close();
  }
}

/** A subscription and the channel that it is for; undefined: every channel of the producer. */
interface Feed {
  readonly channel: number | undefined;
}

class Follower {
  readonly #client: RpcClient;
  readonly #run: string;
  readonly #path: string;
  readonly #feeds = new Map<number, Feed>();
  /** Where each channel goes on; also says which channels there are. */
  readonly #cursors = new Map<number, number>();
  readonly #finished = new Set<number>();
  readonly #undo: (() => void)[];
  #queue: FollowedChunk[] = [];
  #queued = 0;
  /** What came for a subscription whose id had not been answered yet. */
  #early: (Chunk | StreamEnd | Opened | Closed | OutputFrame)[] = [];
  /** Handle of binary frames -> subscription. */
  readonly #handles = new Map<number, number>();
  #opening = 0;
  /** False while a producer may have channels that no cursor stands for: it was not accepted when it was subscribed to. */
  #complete = true;
  #paused = false;
  #end: StreamEnd | undefined;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(client: RpcClient, run: string, path: string) {
    this.#client = client;
    this.#run = run;
    this.#path = path;
    this.#undo = [
      client.on('stream/chunk', (chunk) => this.#receive(chunk)),
      client.on('stream/ended', (end) => this.#receive(end)),
      client.on('stream/opened', (opened) => this.#receive(opened)),
      client.on('stream/closed', (closed) => this.#receive(closed)),
      client.onFrame((frame) => this.#receive(frame)),
      client.onClose((reason) => this.#fail(new ConnectionClosed(reason))),
    ];
  }

  /** Opens one subscription. */
  async open(channel: number | undefined, from: number | 'start' | 'live'): Promise<void> {
    this.#opening++;
    let answer: ResultOf<'stream/subscribe'>;
    try {
      answer = await this.#client.call('stream/subscribe', {
        run: this.#run,
        path: this.#path,
        from,
        ...(channel === undefined ? {} : { channel }),
        ...(this.#client.carriesBinary ? { carriage: 'raw' as const } : {}),
      });
    } finally {
      this.#opening--;
    }
    if (channel === undefined) this.#complete = answer.channels.length > 0;
    for (const one of answer.channels) {
      if (!this.#cursors.has(one.channel)) this.#cursors.set(one.channel, one.offset);
      if (one.handle !== undefined) this.#handles.set(one.handle, answer.subscription);
    }
    this.#feeds.set(answer.subscription, { channel });
    if (this.#paused) return this.#drop(answer.subscription);
    const early = this.#early;
    this.#early = [];
    for (const message of early) this.#receive(message);
  }

  /** The next piece; undefined when the producer has ended and everything has been given out. */
  async next(): Promise<FollowedChunk | undefined> {
    for (;;) {
      const chunk = this.#queue.shift();
      if (chunk) {
        this.#queued -= chunk.bytes.length;
        if (this.#paused && this.#queued < LOW_WATER_BYTES) await this.#resume();
        return chunk;
      }
      if (this.#failure) throw this.#failure;
      if (this.#end && this.#opening === 0 && this.#feeds.size === 0 && !this.#paused) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  end(): StreamEnd {
    if (!this.#end) throw new Error('the producer has not ended');
    return this.#end;
  }

  close(): void {
    for (const undo of this.#undo) undo();
    for (const subscription of [...this.#feeds.keys()]) this.#drop(subscription);
  }

  #receive(message: Chunk | StreamEnd | Opened | Closed | OutputFrame): void {
    const subscription = 'bytes' in message ? this.#handles.get(message.handle) : message.subscription;
    const feed = subscription === undefined ? undefined : this.#feeds.get(subscription);
    if (!feed || subscription === undefined) {
      if (this.#opening > 0 && ('bytes' in message || subscription !== undefined)) this.#early.push(message);
    } else if ('bytes' in message) {
      this.#take(message);
    } else if ('chunk' in message) {
      this.#take({ channel: message.channel, offset: message.offset, bytes: chunkBytes(message.chunk, message.encoding) });
    } else if ('handle' in message) {
      this.#handles.set(message.handle, subscription);
    } else if ('reason' in message) {
      // The server has forgotten the subscription already.
      this.#feeds.delete(subscription);
      this.#fail(new StreamClosed(message));
    } else {
      this.#finish(subscription, feed, message);
    }
  }

  #take({ channel, offset, bytes }: FollowedChunk): void {
    this.#cursors.set(channel, offset + bytes.length);
    this.#queue.push({ channel, offset, bytes });
    this.#queued += bytes.length;
    if (this.#queued > HIGH_WATER_BYTES) this.#pause();
    this.#wakeUp();
  }

  #finish(subscription: number, feed: Feed, end: StreamEnd): void {
    this.#end = end;
    if (feed.channel === undefined) for (const channel of this.#cursors.keys()) this.#finished.add(channel);
    else this.#finished.add(feed.channel);
    this.#drop(subscription);
    this.#wakeUp();
  }

  #pause(): void {
    this.#paused = true;
    this.#early = [];
    for (const subscription of [...this.#feeds.keys()]) this.#drop(subscription);
  }

  async #resume(): Promise<void> {
    if (!this.#complete) await this.#learnChannels();
    this.#paused = false;
    for (const [channel, offset] of this.#cursors) {
      if (!this.#finished.has(channel)) this.open(channel, offset).catch((error: unknown) => this.#fail(error as Error));
    }
  }

  /** Adds a cursor for every channel that has not brought anything yet. */
  async #learnChannels(): Promise<void> {
    const { subscription, channels } = await this.#client.call('stream/subscribe', { run: this.#run, path: this.#path, from: 'live' });
    this.#drop(subscription);
    for (const { channel } of channels) if (!this.#cursors.has(channel)) this.#cursors.set(channel, 0);
    this.#complete = true;
  }

  #drop(subscription: number): void {
    this.#feeds.delete(subscription);
    for (const [handle, owner] of this.#handles) if (owner === subscription) this.#handles.delete(handle);
    if (this.#client.open) this.#client.call('stream/unsubscribe', { subscription }).catch(() => {});
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#wakeUp();
  }

  #wakeUp(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}
