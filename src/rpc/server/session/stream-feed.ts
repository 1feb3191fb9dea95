import type { ChunkPiece, ClosedFact, EndedFact, GapFact, StreamSink, StreamSubscription } from '../../../stream/index.ts';
import { CARRIAGE_HEADER_BYTES, writeCarriageHeader } from '../../protocol/carriage.ts';
import type { MessageChannelLike } from '../transports/message-channel.ts';
import { sendChunk, textFrame } from './chunk-frame.ts';
import { notificationFrame } from './event-frame.ts';
import { TextFormat } from './text-format.ts';

/** A channel as text, and where its last piece lay: what is held at the end is sent as a part of that piece. */
interface TextChannel {
  readonly format: TextFormat;
  last: ChunkPiece;
}

/**
 * Turns what a stream subscription delivers into messages of one connection. Nothing is sent before `start`, so that
 * the answer with the subscription's id goes out first (SPEC {#stream_subscribe}).
 */
export class StreamFeed implements StreamSink {
  readonly #channel: MessageChannelLike;
  readonly #ended: (end: EndedFact) => void;
  readonly #closed: () => void;
  readonly #text: Map<string, TextChannel> | undefined;
  readonly #nextHandle: (() => number) | undefined;
  /** Log entry's path -> handle, of producers that have not ended. */
  readonly #handles = new Map<string, number>();
  #held: (() => void)[] | undefined = [];

  /**
   * @param options - `ended` is called with each producer whose end has been delivered, `closed` when nothing more comes; with
   * `handle` it sends binary frames
   */
  constructor(options: {
    channel: MessageChannelLike;
    format: 'raw' | 'text';
    ended: (end: EndedFact) => void;
    closed: () => void;
    handle?: (() => number) | undefined;
  }) {
    this.#channel = options.channel;
    this.#nextHandle = options.handle;
    this.#ended = options.ended;
    this.#closed = options.closed;
    this.#text = options.format === 'text' ? new Map() : undefined;
  }

  /** Lets the subscription deliver. */
  start(subscription: StreamSubscription): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const send of held) send();
    subscription.pump();
  }

  /** The handle by which a producer's binary frames are known; undefined for one that comes as JSON. */
  handleOf(path: string): number | undefined {
    const known = this.#handles.get(path);
    if (known !== undefined || !this.#nextHandle) return known;
    const handle = this.#nextHandle();
    this.#handles.set(path, handle);
    return handle;
  }

  bufferedBytes(): number {
    return this.#held ? Number.POSITIVE_INFINITY : this.#channel.bufferedBytes();
  }

  chunk(subscription: number, piece: ChunkPiece): void {
    if (this.#held) this.#held.push(() => this.chunk(subscription, piece));
    else if (this.#nextHandle) this.#sendFrame(subscription, piece);
    else if (this.#text) this.#sendText(this.#text, subscription, piece);
    else sendChunk(subscription, piece, (head, tail) => this.#channel.sendText(head, tail));
  }

  ended(subscription: number, end: EndedFact): void {
    if (this.#held) {
      this.#held.push(() => this.ended(subscription, end));
      return;
    }
    if (this.#text) this.#flushText(this.#text, subscription, end);
    this.#handles.delete(end.path);
    this.#channel.send(notificationFrame('stream/ended', { subscription, ...end }));
    this.#ended(end);
  }

  closed(subscription: number, fact: ClosedFact): void {
    if (this.#held) {
      this.#held.push(() => this.closed(subscription, fact));
      return;
    }
    this.#channel.send(notificationFrame('stream/closed', { subscription, ...fact }));
    this.#closed();
  }

  gap(subscription: number, gap: GapFact): void {
    if (this.#held) this.#held.push(() => this.gap(subscription, gap));
    else this.#channel.send(notificationFrame('stream/gap', { subscription, ...gap }));
  }

  #sendFrame(subscription: number, { run, path, channel, offset, bytes }: ChunkPiece): void {
    let handle = this.#handles.get(path);
    if (handle === undefined) {
      // A producer that came later: the client does not have its handle yet.
      handle = this.handleOf(path) ?? 0;
      this.#channel.send(notificationFrame('stream/opened', { subscription, run, path, handle }));
    }
    const head = Buffer.allocUnsafe(CARRIAGE_HEADER_BYTES);
    writeCarriageHeader(head, 0, { handle, channel, offset });
    this.#channel.sendBinary?.(head, bytes);
  }

  #sendText(channels: Map<string, TextChannel>, subscription: number, piece: ChunkPiece): void {
    const key = textKey(piece.path, piece.channel);
    const channel = channels.get(key) ?? { format: new TextFormat(), last: piece };
    channels.set(key, channel);
    channel.last = { ...piece, bytes: NO_BYTES };
    const text = channel.format.push(piece.bytes);
    if (text !== '') this.#channel.send(textFrame(subscription, piece, text));
  }

  #flushText(channels: Map<string, TextChannel>, subscription: number, end: EndedFact): void {
    for (const { channel } of end.channels) {
      const key = textKey(end.path, channel);
      const known = channels.get(key);
      channels.delete(key);
      const rest = known?.format.end();
      if (known && rest) this.#channel.send(textFrame(subscription, known.last, rest));
    }
  }
}

const NO_BYTES = Buffer.alloc(0);

function textKey(path: string, channel: number): string {
  return `${channel} ${path}`;
}
