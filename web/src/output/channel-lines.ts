import type { ChannelReader, OutputEnd } from './channel-reader.ts';
import { LinePages } from './line-pages.ts';
import { type LineBytes, TailRing } from './tail-ring.ts';

/** What is read at the beginning, and kept of the end. */
const TAIL_BYTES = 256 * 1024;
const TAIL_LINES = 300;

/**
 * The lines of a channel, while it grows and after: any of them can be looked at, the end is here as soon as it has come,
 * and only a few pages are kept (SPEC {#portal_output_scroll}).
 */
export class ChannelLines {
  readonly #reader: ChannelReader;
  readonly #changed: () => void;
  readonly #signal: AbortSignal;
  readonly #pages: LinePages;
  #ring: TailRing | undefined;
  #end: OutputEnd | undefined;

  /** `changed` is called whenever there is something else to show. Everything ends with `signal`. */
  constructor(reader: ChannelReader, changed: () => void, signal: AbortSignal) {
    this.#reader = reader;
    this.#changed = changed;
    this.#signal = signal;
    this.#pages = new LinePages(reader, changed, signal);
  }

  /** Length of the channel; 0 until it is known. */
  get bytes(): number {
    return this.#ring?.bytes ?? 0;
  }

  /** Lines there are, an unfinished one included. */
  get count(): number {
    return this.#ring?.lines ?? 0;
  }

  /** False until it is known how much there is. */
  get isKnown(): boolean {
    return this.#ring !== undefined;
  }

  /** How the command ended; undefined before. */
  get end(): OutputEnd | undefined {
    return this.#end;
  }

  /** Why lines cannot be read. */
  get failure(): unknown {
    return this.#pages.failure;
  }

  /** Line `index` (from 0) as far as it is here; `want` makes it come. */
  line(index: number): LineBytes | undefined {
    return this.#ring?.line(index) ?? this.#pages.line(index);
  }

  /** Lines `from` to `to` are looked at: those that are not here are read. */
  want(from: number, to: number): void {
    const ring = this.#ring;
    if (!ring) return;
    let first = Math.max(0, from);
    let last = to;
    while (first < last && ring.has(first)) first++;
    while (last > first && ring.has(last - 1)) last--;
    if (first < last) this.#pages.want(first, last, this.bytes);
  }

  /** Follows the channel to its end: first what there is of its tail, then every byte from there on. Throws what reading throws. */
  async follow(isStarted: boolean): Promise<void> {
    this.#ring = isStarted ? await this.#tail() : new TailRing(0, 0, TAIL_BYTES);
    this.#changed();
    const pieces = this.#reader.follow(this.#ring.bytes, this.#signal);
    for (let next = await pieces.next(); ; next = await pieces.next()) {
      if (this.#signal.aborted) return;
      if (next.done) {
        this.#end = next.value;
        return this.#changed();
      }
      this.#ring.push(next.value.offset, next.value.bytes);
      this.#changed();
    }
  }

  async #tail(): Promise<TailRing> {
    let part = await this.#reader.read({ lines: { last: TAIL_LINES }, maxBytes: TAIL_BYTES }, this.#signal);
    // Long lines: the end of the bytes instead.
    if (part.to < part.bytes)
      part = await this.#reader.read({ from: Math.max(0, part.bytes - TAIL_BYTES / 2), maxBytes: TAIL_BYTES }, this.#signal);
    const ring = new TailRing(part.from, Math.max(0, part.lines.first - 1), TAIL_BYTES);
    ring.push(part.from, part.data);
    return ring;
  }
}
