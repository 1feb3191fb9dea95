import { release, retain } from '../core/buffer-pool.ts';
import { incompleteTail } from '../core/utf8.ts';
import type { ChannelStore } from '../model/ports/store.ts';
import type { ChunkPiece } from './types.ts';

/** Bytes that a channel keeps in memory for readers that keep up. */
const RECENT_BYTES = 1024 * 1024;
/** Bytes of one piece read from the store at most. */
const PAGE_BYTES = 256 * 1024;
const PAGE_SEGMENTS = 64;

/**
 * One channel as its readers see it: pieces of whole characters, from memory at the live end and from the store
 * behind it. Readers ask by offset; the feed knows none of them.
 */
export class Feed {
  readonly run: string;
  readonly path: string;
  readonly channel: number;
  readonly entryId: number;
  readonly #channels: ChannelStore;
  #recent: ChunkPiece[] = [];
  #recentBytes = 0;
  /** The beginning of a character whose rest has not come; always the last bytes stored. */
  #carry: Buffer;
  #head: number;
  #ended: boolean;
  #readers = 0;

  constructor(options: { run: string; path: string; channel: number; entryId: number; channels: ChannelStore; ended: boolean }) {
    this.run = options.run;
    this.path = options.path;
    this.channel = options.channel;
    this.entryId = options.entryId;
    this.#channels = options.channels;
    this.#head = this.#channels.head(this.entryId).bytes;
    this.#ended = options.ended;
    const from = Math.max(0, this.#head - 3);
    const tail = this.#channels.read(this.entryId, from, 3);
    this.#carry = options.ended ? Buffer.alloc(0) : Buffer.from(tail.subarray(tail.length - incompleteTail(tail)));
  }

  /** Bytes stored. */
  get head(): number {
    return this.#head;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** How far readers may go: the head, less a character that is not complete yet. */
  get boundary(): number {
    return this.#head - this.#carry.length;
  }

  /** Readers attached; without any, nothing is kept in memory. */
  get readers(): number {
    return this.#readers;
  }

  attach(): void {
    this.#readers++;
  }

  detach(): void {
    this.#readers--;
    if (this.#readers === 0) this.#forget();
  }

  /** Takes bytes that have just been stored at the head. */
  publish(bytes: Buffer, at: number): void {
    const offset = this.boundary;
    const whole = this.#carry.length === 0 ? bytes : Buffer.concat([this.#carry, bytes]);
    const keep = incompleteTail(whole);
    this.#head += bytes.length;
    this.#carry = keep === 0 ? Buffer.alloc(0) : Buffer.from(whole.subarray(whole.length - keep));
    if (this.#readers > 0 && whole.length > keep) this.#keep(offset, whole.subarray(0, whole.length - keep), at);
  }

  /** No more bytes: a character that never became complete is given out as it is. */
  end(at: number): void {
    if (this.#ended) return;
    this.#ended = true;
    const rest = this.#carry;
    const offset = this.boundary;
    this.#carry = Buffer.alloc(0);
    if (this.#readers > 0 && rest.length > 0) this.#keep(offset, rest, at);
  }

  /** The piece that begins at `offset`; undefined when there is nothing to give yet. */
  pieceAt(offset: number): ChunkPiece | undefined {
    const boundary = this.boundary;
    if (offset >= boundary) return undefined;
    for (let i = this.#recent.length - 1; i >= 0; i--) {
      const piece = this.#recent[i];
      if (piece && piece.offset === offset) return piece;
      if (piece && piece.offset < offset) break;
    }
    return this.#page(offset, boundary);
  }

  #page(offset: number, boundary: number): ChunkPiece | undefined {
    const parts: Buffer[] = [];
    let at = 0;
    let end = offset;
    const limit = Math.min(boundary, offset + PAGE_BYTES);
    for (const segment of this.#channels.segments(this.entryId, offset, PAGE_SEGMENTS)) {
      if (end >= limit) break;
      if (parts.length === 0) at = segment.at;
      const part = segment.bytes.subarray(end - segment.offset, limit - segment.offset);
      parts.push(part);
      end += part.length;
    }
    const first = parts[0];
    if (!first) return undefined;
    const bytes = parts.length === 1 ? first : Buffer.concat(parts);
    // A page cut by its size may end inside a character; the boundary itself never does.
    const keep = end < boundary ? incompleteTail(bytes) : 0;
    return this.#piece(offset, keep === 0 || keep === bytes.length ? bytes : bytes.subarray(0, bytes.length - keep), at);
  }

  #keep(offset: number, bytes: Buffer, at: number): void {
    retain(bytes);
    this.#recent.push(this.#piece(offset, bytes, at));
    this.#recentBytes += bytes.length;
    while (this.#recentBytes > RECENT_BYTES && this.#recent.length > 1) {
      const dropped = this.#recent.shift();
      if (!dropped) break;
      this.#recentBytes -= dropped.bytes.length;
      release(dropped.bytes);
    }
  }

  #piece(offset: number, bytes: Buffer, at: number): ChunkPiece {
    return { run: this.run, path: this.path, channel: this.channel, offset, bytes, at, shared: this.#readers > 1 };
  }

  #forget(): void {
    for (const { bytes } of this.#recent) release(bytes);
    this.#recent = [];
    this.#recentBytes = 0;
  }
}
