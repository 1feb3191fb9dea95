import type { ChannelStore } from '../model/ports/store.ts';
import { type Matcher, masked, maskedRead, type Range, Scanner } from '../redact/index.ts';
import type { Feed } from './feed.ts';
import type { ChunkPiece } from './types.ts';

/** What a subscription needs of a channel. */
export type ReaderFeed = Pick<Feed, 'run' | 'path' | 'channel' | 'boundary' | 'ended' | 'attach' | 'detach' | 'pieceAt'>;

/** Places of secrets that are remembered; for readers further behind they are found again. */
const MAX_RANGES = 1000;

/**
 * A channel as those see it who may not see secrets (SPEC {#redaction_stream}). The bytes at the live end are looked at
 * once for all of them; a piece without a secret is the very piece that the others get.
 */
export class MaskedFeed implements ReaderFeed {
  readonly #feed: Feed;
  readonly #matcher: Matcher;
  readonly #channels: ChannelStore;
  /** How long bytes are held back when no more come. */
  readonly #holdMs: number;
  /** Told when bytes that were held back may go out. */
  readonly #released: () => void;
  #readers = 0;
  #scanner: Scanner;
  /** Secrets from `#knownFrom` on, and what may be one at the end. */
  #ranges: Range[] = [];
  #possible: readonly Range[] = [];
  #knownFrom = 0;
  /** What was held back for long enough goes out up to here. */
  #releasedTo = 0;
  #timer: NodeJS.Timeout | undefined;
  readonly #made = new WeakMap<ChunkPiece, ChunkPiece>();

  constructor(options: { feed: Feed; matcher: Matcher; channels: ChannelStore; holdMs: number; released: () => void }) {
    this.#feed = options.feed;
    this.#matcher = options.matcher;
    this.#channels = options.channels;
    this.#holdMs = options.holdMs;
    this.#released = options.released;
    this.#scanner = new Scanner(this.#matcher);
  }

  get run(): string {
    return this.#feed.run;
  }

  get path(): string {
    return this.#feed.path;
  }

  get channel(): number {
    return this.#feed.channel;
  }

  get ended(): boolean {
    return this.#feed.ended;
  }

  /** How far readers may go: as far as it is known what is secret. */
  get boundary(): number {
    const { boundary } = this.#feed;
    return this.#readers === 0 ? boundary : Math.min(boundary, Math.max(this.#scanner.decided, this.#releasedTo));
  }

  attach(): void {
    this.#feed.attach();
    if (this.#readers++ === 0) this.#begin();
  }

  detach(): void {
    this.#feed.detach();
    if (--this.#readers === 0) this.#hold(false);
  }

  /** Takes bytes that have just been stored at the head, after the feed itself has. */
  publish(bytes: Buffer): void {
    if (this.#readers > 0) this.#look(bytes, false);
  }

  /** No more bytes: what was held back is what it is. */
  end(): void {
    if (this.#readers > 0) this.#look(NOTHING, true);
  }

  pieceAt(offset: number): ChunkPiece | undefined {
    const room = this.boundary - offset;
    const source = room > 0 ? this.#feed.pieceAt(offset) : undefined;
    if (!source) return undefined;
    const known = this.#made.get(source);
    if (known && known.bytes.length <= room) return known;
    const wanted = source.bytes.length > room ? source.bytes.subarray(0, room) : source.bytes;
    const bytes = this.#mask(offset, wanted);
    if (bytes === source.bytes) return source;
    const piece = { ...source, bytes, shared: this.#readers > 1 };
    this.#made.set(source, piece);
    return piece;
  }

  #mask(offset: number, bytes: Buffer): Buffer {
    const to = offset + bytes.length;
    if (offset < this.#knownFrom) {
      const { entryId, head, ended } = this.#feed;
      const read = (at: number, max: number) => this.#channels.read(entryId, at, max);
      const shown = maskedRead(this.#matcher, { bytes: head, live: !ended, read }, offset, bytes.length);
      return shown.equals(bytes) ? bytes : shown;
    }
    const ranges = to > this.#scanner.decided ? [...this.#ranges, ...this.#possible] : this.#ranges;
    return ranges.length === 0 ? bytes : masked(bytes, ranges, offset);
  }

  /** The first reader has come: what is before the live end is looked at as far as it matters. */
  #begin(): void {
    const { entryId, head, ended } = this.#feed;
    const start = Math.max(0, head - this.#matcher.reach);
    this.#scanner = new Scanner(this.#matcher, start);
    this.#ranges = [];
    this.#look(this.#channels.read(entryId, start, head - start), ended);
    this.#ranges = this.#ranges.filter(({ to }) => to > this.#scanner.decided);
    this.#knownFrom = this.#scanner.decided;
  }

  #look(bytes: Buffer, final: boolean): void {
    const before = this.#scanner.decided;
    const { ranges, possible } = this.#scanner.push(bytes, final);
    this.#possible = possible;
    if (ranges.length > 0) this.#ranges.push(...ranges.filter(({ to }) => to > before));
    if (this.#ranges.length > MAX_RANGES) {
      const forgotten = this.#ranges.splice(0, this.#ranges.length - MAX_RANGES / 2);
      this.#knownFrom = Math.max(this.#knownFrom, ...forgotten.map(({ to }) => to));
    }
    this.#hold(this.#scanner.decided < this.#feed.boundary);
  }

  #hold(on: boolean): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!on) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#releasedTo = this.#feed.boundary;
      this.#released();
    }, this.#holdMs);
  }
}

const NOTHING = Buffer.alloc(0);
