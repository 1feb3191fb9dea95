import { defined } from '../../core/defined.ts';
import type { NotificationParamsOf, ResultOf } from '../protocol/table.ts';
import { chunkBytes } from './bytes.ts';
import type { OutputFrame, RpcClient } from './client.ts';
import { ConnectionClosed, StreamClosed } from './errors.ts';
import type { Line, LineUser } from './line.ts';

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
  /** True: secrets are masked even if the token may see them. */
  readonly redact?: boolean;
  /** Aborting it ends the reading with its reason. */
  readonly signal?: AbortSignal;
}

/** Bytes kept for a slow reader before its subscriptions are given up, and below which they are opened again. */
const HIGH_WATER_BYTES = 4 * 1024 * 1024;
const LOW_WATER_BYTES = 256 * 1024;

/** Reads a producer's output to its end; see `RpcClient.follow` and `Runtime.follow`. */
export async function* follow(
  line: Line,
  run: string,
  path: string,
  options: FollowOptions,
): AsyncGenerator<FollowedChunk, StreamEnd, void> {
  const { signal } = options;
  signal?.throwIfAborted();
  const follower = new Follower(run, path, options);
  const abort = () => follower.abort(signal?.reason as Error);
  signal?.addEventListener('abort', abort, { once: true });
  const leave = line.join(follower);
  try {
    for (let next = await follower.next(); next; next = await follower.next()) yield next;
    return follower.end();
  } finally {
    signal?.removeEventListener('abort', abort);
    leave();
    follower.close();
  }
}

/** A subscription and the channel that it is for; `whole`: all that was asked for. */
interface Feed {
  readonly channel: number | undefined;
  readonly whole: boolean;
}

/** The cursors of one reader, over as many subscriptions and connections as it takes. */
class Follower implements LineUser {
  readonly #run: string;
  readonly #path: string;
  readonly #channel: number | undefined;
  #from: number | 'start' | 'live';
  readonly #redact: { readonly redact?: boolean };
  #rpc: RpcClient | undefined;
  readonly #feeds = new Map<number, Feed>();
  /** Where each channel goes on; also says which channels there are. */
  readonly #cursors = new Map<number, number>();
  readonly #finished = new Set<number>();
  #undo: (() => void)[] = [];
  #queue: FollowedChunk[] = [];
  #queued = 0;
  /** What came for a subscription whose id the server had not returned yet. */
  #early: (Chunk | StreamEnd | Opened | Closed | OutputFrame)[] = [];
  /** Handle of binary frames -> subscription. */
  readonly #handles = new Map<number, number>();
  #opening = 0;
  /** Raised whenever subscriptions are given up: an answer that is of an earlier round is given up as well. */
  #round = 0;
  /** False while a producer may have channels that no cursor stands for: it was not accepted when it was subscribed to. */
  #complete = true;
  #paused = false;
  #over = false;
  #end: StreamEnd | undefined;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(run: string, path: string, options: FollowOptions) {
    this.#run = run;
    this.#path = path;
    this.#channel = options.channel;
    this.#from = options.from ?? 'start';
    this.#redact = options.redact === undefined ? {} : { redact: options.redact };
  }

  opened(rpc: RpcClient): void {
    this.#rpc = rpc;
    this.#undo = [
      rpc.on('stream/chunk', (chunk) => this.#receive(chunk)),
      rpc.on('stream/ended', (end) => this.#receive(end)),
      rpc.on('stream/opened', (opened) => this.#receive(opened)),
      rpc.on('stream/closed', (closed) => this.#receive(closed)),
      rpc.onFrame((frame) => this.#receive(frame)),
    ];
    if (!this.#paused) void this.#takeUp(rpc);
  }

  closed(): void {
    for (const undo of this.#undo.splice(0)) undo();
    this.#rpc = undefined;
    this.#round++;
    this.#feeds.clear();
    this.#handles.clear();
    this.#early = [];
  }

  lost(error: Error): void {
    if (this.#failure) return;
    this.#failure = error;
    this.#giveUp();
    this.#wakeUp();
  }

  /** Nothing more is wanted, not even what has come. */
  abort(reason: Error): void {
    this.#queue = [];
    this.#queued = 0;
    this.lost(reason);
  }

  /** The next piece; undefined when the producer has ended and everything has been given out. */
  async next(): Promise<FollowedChunk | undefined> {
    for (;;) {
      const chunk = this.#queue.shift();
      if (chunk) {
        this.#queued -= chunk.bytes.length;
        if (this.#paused && this.#queued < LOW_WATER_BYTES) this.#resume();
        return chunk;
      }
      if (this.#over) return undefined;
      if (this.#failure) throw this.#failure;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  end(): StreamEnd {
    if (!this.#end) throw new Error('the producer has not ended');
    return this.#end;
  }

  /** Gives the subscriptions up. */
  close(): void {
    this.#giveUp();
    this.closed();
  }

  /** Subscribes to what is still to come. */
  async #takeUp(rpc: RpcClient): Promise<void> {
    if (this.#over || this.#failure) return;
    const round = this.#round;
    try {
      if (this.#cursors.size === 0) return await this.#open(rpc, { channel: this.#channel, whole: true }, this.#from);
      if (!this.#complete) await this.#learnChannels(rpc);
      if (round !== this.#round) return;
      const open = [...this.#cursors].filter(([channel]) => !this.#finished.has(channel));
      await Promise.all(open.map(([channel, offset]) => this.#open(rpc, { channel, whole: false }, offset)));
    } catch (error) {
      // A connection that is gone is followed by another one, or by the news that it has ended.
      if (rpc === this.#rpc && !(error instanceof ConnectionClosed)) this.lost(error as Error);
    }
  }

  async #open(rpc: RpcClient, feed: Feed, from: number | 'start' | 'live'): Promise<void> {
    const round = this.#round;
    const { channel } = feed;
    this.#opening++;
    let answer: ResultOf<'stream/subscribe'>;
    try {
      answer = await rpc.call('stream/subscribe', {
        run: this.#run,
        path: this.#path,
        from,
        ...this.#redact,
        ...defined({ channel }),
        ...(rpc.carriesBinary ? { carriage: 'raw' as const } : {}),
      });
    } finally {
      this.#opening--;
    }
    if (round !== this.#round) return unsubscribe(rpc, answer.subscription);
    if (channel === undefined) this.#complete = answer.channels.length > 0;
    // It was not accepted yet: live is from its acceptance on.
    if (answer.channels.length === 0 && this.#from === 'live') this.#from = 'start';
    for (const one of answer.channels) {
      if (!this.#cursors.has(one.channel)) this.#cursors.set(one.channel, one.offset);
      if (one.handle !== undefined) this.#handles.set(one.handle, answer.subscription);
    }
    this.#feeds.set(answer.subscription, feed);
    const early = this.#early;
    this.#early = [];
    for (const message of early) this.#receive(message);
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
      this.lost(new StreamClosed(message));
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
    if (feed.channel !== undefined) this.#finished.add(feed.channel);
    this.#over = feed.whole || [...this.#cursors.keys()].every((channel) => this.#finished.has(channel));
    this.#drop(subscription);
    this.#wakeUp();
  }

  #pause(): void {
    this.#paused = true;
    this.#giveUp();
  }

  #resume(): void {
    this.#paused = false;
    if (this.#rpc) void this.#takeUp(this.#rpc);
  }

  /** Adds a cursor for every channel that has not brought anything yet. */
  async #learnChannels(rpc: RpcClient): Promise<void> {
    const { subscription, channels } = await rpc.call('stream/subscribe', { run: this.#run, path: this.#path, from: 'live' });
    unsubscribe(rpc, subscription);
    for (const { channel } of channels) if (!this.#cursors.has(channel)) this.#cursors.set(channel, 0);
    this.#complete = true;
  }

  #giveUp(): void {
    this.#round++;
    this.#early = [];
    for (const subscription of [...this.#feeds.keys()]) this.#drop(subscription);
  }

  #drop(subscription: number): void {
    this.#feeds.delete(subscription);
    for (const [handle, owner] of this.#handles) if (owner === subscription) this.#handles.delete(handle);
    if (this.#rpc) unsubscribe(this.#rpc, subscription);
  }

  #wakeUp(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}

function unsubscribe(rpc: RpcClient, subscription: number): void {
  if (rpc.open) rpc.call('stream/unsubscribe', { subscription }).catch(() => {});
}
