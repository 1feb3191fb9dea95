import type { ChannelReader } from './channel-reader.ts';
import { LINE_BYTES, type LineBytes, rewrittenEnd } from './tail-ring.ts';

const LF = 10;
const CR = 13;
/** Lines of a page, bytes that are read of it at once, and of what is behind a line that is longer than that. */
const PAGE_LINES = 128;
const READ_BYTES = 256 * 1024;
const REST_BYTES = 32 * 1024;
/** Pages that are kept, and bytes in them. */
const MAX_PAGES = 48;
const MAX_BYTES = 4 * 1024 * 1024;
const MAX_READS = 2;
/** A read ends so many bytes earlier at the most, so as not to cut a character. */
const CHARACTER_BYTES = 4;

interface Page {
  readonly lines: readonly LineBytes[];
  readonly bytes: number;
  /** Length of the channel when it was read, if more may have come to its last line since. */
  readonly openAt: number | undefined;
}

/** Lines of a channel, read from the server when they are wanted; of those that are not, a few pages are kept. */
export class LinePages {
  readonly #reader: ChannelReader;
  readonly #changed: () => void;
  readonly #signal: AbortSignal;
  /** In the order in which they were wanted last. */
  readonly #pages = new Map<number, Page>();
  readonly #reading = new Set<number>();
  #wanted: readonly number[] = [];
  #channelBytes = 0;
  #bytes = 0;
  #failure: unknown;

  /** `changed` is called when lines have come. Reading ends with `signal`. */
  constructor(reader: ChannelReader, changed: () => void, signal: AbortSignal) {
    this.#reader = reader;
    this.#changed = changed;
    this.#signal = signal;
  }

  /** Why lines cannot be read; undefined while they can. */
  get failure(): unknown {
    return this.#failure;
  }

  /** Line `index` (from 0), if it is here. */
  line(index: number): LineBytes | undefined {
    return this.#pages.get(Math.floor(index / PAGE_LINES))?.lines[index % PAGE_LINES];
  }

  /** Sees to it that lines `from` to `to` come, of a channel that now has so many bytes; what was wanted before is not any more. */
  want(from: number, to: number, channelBytes: number): void {
    this.#channelBytes = channelBytes;
    const first = Math.floor(Math.max(0, from) / PAGE_LINES);
    const last = Math.floor(Math.max(0, to - 1) / PAGE_LINES);
    this.#wanted = Array.from({ length: last - first + 1 }, (_, i) => first + i);
    for (const number of this.#wanted) {
      const page = this.#pages.get(number);
      if (!page) continue;
      this.#pages.delete(number);
      this.#pages.set(number, page);
    }
    this.#readNext();
  }

  #readNext(): void {
    for (const number of this.#wanted) {
      if (this.#reading.size >= MAX_READS || this.#signal.aborted) return;
      if (this.#reading.has(number) || !this.#isMissing(number)) continue;
      this.#reading.add(number);
      this.#load(number).then(
        (page) => {
          this.#reading.delete(number);
          this.#failure = undefined;
          this.#keep(number, page);
          this.#changed();
          this.#readNext();
        },
        (error: unknown) => {
          this.#reading.delete(number);
          if (this.#signal.aborted) return;
          this.#failure = error;
          this.#changed();
        },
      );
    }
  }

  #isMissing(number: number): boolean {
    const page = this.#pages.get(number);
    return !page || (page.openAt !== undefined && page.openAt < this.#channelBytes);
  }

  #keep(number: number, page: Page): void {
    this.#bytes += page.bytes - (this.#pages.get(number)?.bytes ?? 0);
    this.#pages.delete(number);
    this.#pages.set(number, page);
    for (const [old, { bytes }] of this.#pages) {
      if (this.#pages.size <= MAX_PAGES && this.#bytes <= MAX_BYTES) return;
      if (this.#wanted.includes(old)) continue;
      this.#pages.delete(old);
      this.#bytes -= bytes;
    }
  }

  async #load(number: number): Promise<Page> {
    const end = (number + 1) * PAGE_LINES;
    const lines: LineBytes[] = [];
    let at = number * PAGE_LINES;
    let maxBytes = READ_BYTES;
    let openAt: number | undefined;
    while (at < end) {
      const part = await this.#reader.read({ lines: { first: at + 1, count: end - at }, maxBytes }, this.#signal);
      const before = lines.at(-1);
      if (before && before.length === undefined) lines[lines.length - 1] = { ...before, length: part.from - 1 - before.offset };
      if (part.data.length === 0) {
        openAt = part.bytes;
        break;
      }
      const { whole, rest } = linesIn(part.data, part.from);
      lines.push(...whole);
      at += whole.length;
      const isCut = part.data.length > maxBytes - CHARACTER_BYTES;
      if (!isCut) {
        openAt = at < end ? part.bytes : undefined;
        if (rest) lines.push(rest);
        break;
      }
      // The last line was cut by the size of the read: its beginning is enough, else it is read again with what follows.
      if (rest && (rest.bytes.length >= LINE_BYTES || whole.length === 0)) {
        lines.push({ ...rest, length: undefined });
        at++;
        maxBytes = REST_BYTES;
      }
    }
    const last = lines.at(-1);
    if (last && last.length === undefined) {
      const { from, bytes } = await this.#reader.read({ lines: { first: at + 1, count: 1 }, maxBytes: 1 }, this.#signal);
      lines[lines.length - 1] = { ...last, length: from - last.offset - (from === bytes ? 0 : 1) };
    }
    const settled = await Promise.all(lines.map((line) => this.#settled(line)));
    return { lines: settled, bytes: settled.reduce((sum, { bytes }) => sum + bytes.length, 0), openAt };
  }

  /** Of a long line that was written over, what it was written over with last. */
  async #settled(line: LineBytes): Promise<LineBytes> {
    const { offset, bytes, length } = line;
    if (length === undefined || length <= bytes.length || !bytes.includes(CR)) return line;
    const { data } = await this.#reader.read({ from: offset + length - LINE_BYTES, maxBytes: LINE_BYTES }, this.#signal);
    const end = rewrittenEnd(data);
    return end ? { offset, bytes: end, end: offset + length, length: end.length } : line;
  }
}

/** Lines of a part that begins with one; `rest` is what stands behind the last LF. Their bytes are copies, so that the part is let go. */
function linesIn(data: Uint8Array, from: number): { whole: LineBytes[]; rest: LineBytes | undefined } {
  const line = (start: number, end: number): LineBytes => {
    const bytes = data.slice(start, Math.min(end, start + LINE_BYTES));
    return { offset: from + start, bytes, end: from + start + bytes.length, length: end - start };
  };
  const whole: LineBytes[] = [];
  let start = 0;
  for (let at = data.indexOf(LF); at >= 0; at = data.indexOf(LF, start)) {
    whole.push(line(start, at));
    start = at + 1;
  }
  return { whole, rest: start < data.length ? line(start, data.length) : undefined };
}
