const LF = 10;
const CR = 13;

/** A piece of a channel. */
interface Piece {
  /** Byte offset of its first byte, and how many lines end before it. */
  readonly offset: number;
  readonly line: number;
  readonly bytes: Uint8Array;
}

/** Bytes of a line, or of its beginning. */
export interface LineBytes {
  /** Byte offset of the line in the channel. */
  readonly offset: number;
  readonly bytes: Uint8Array;
  /** Byte offset in the channel behind the last of `bytes`: what is written over a line again and again may keep its length. */
  readonly end: number;
  /** Bytes of the whole line without its LF; undefined where that is not known. */
  readonly length: number | undefined;
}

/** Bytes that a line is shown with at most, unless more is asked for. */
export const LINE_BYTES = 8 * 1024;

/**
 * What to show of the end of a line that was written over again and again, as progress bars are: what follows a carriage
 * return, if there is one before the last byte.
 */
export function rewrittenEnd(end: Uint8Array): Uint8Array | undefined {
  const at = end.indexOf(CR);
  return at < 0 || at === end.length - 1 ? undefined : end.subarray(at + 1);
}

/** Counts what a channel has, and keeps its end. */
export class TailRing {
  readonly #keepBytes: number;
  #pieces: Piece[] = [];
  #kept = 0;
  #bytes: number;
  #ended: number;
  #lastByte = LF;
  /** Where the line begins that has not ended; undefined while no line has begun since the ring has. */
  #open: number | undefined;

  /** Begins at byte `offset`, before which `line` lines end; keeps `keepBytes` and the piece that they begin in. */
  constructor(offset: number, line: number, keepBytes: number) {
    this.#bytes = offset;
    this.#ended = line;
    this.#keepBytes = keepBytes;
    this.#open = offset === 0 ? 0 : undefined;
  }

  /** Length of the channel. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Lines there are, an unfinished one included. */
  get lines(): number {
    return this.#ended + (this.#lastByte === LF ? 0 : 1);
  }

  /** Takes what comes next. Bytes that are there already are skipped; throws when some are missing before it. */
  push(offset: number, bytes: Uint8Array): void {
    if (offset > this.#bytes) throw new Error(`output goes on at ${offset}, and ${this.#bytes} is due`);
    const fresh = bytes.subarray(this.#bytes - offset);
    if (fresh.length === 0) return;
    this.#pieces.push({ offset: this.#bytes, line: this.#ended, bytes: fresh });
    this.#kept += fresh.length;
    this.#bytes += fresh.length;
    const start = this.#bytes - fresh.length;
    for (let at = fresh.indexOf(LF); at >= 0; at = fresh.indexOf(LF, at + 1)) {
      this.#ended++;
      this.#open = start + at + 1;
    }
    this.#lastByte = fresh[fresh.length - 1] ?? LF;
    let drop = 0;
    while (drop < this.#pieces.length - 1 && this.#kept - (this.#pieces[drop]?.bytes.length ?? 0) >= this.#keepBytes) {
      this.#kept -= this.#pieces[drop++]?.bytes.length ?? 0;
    }
    if (drop > 0) this.#pieces.splice(0, drop);
  }

  /** Whether line `index` (from 0) begins in what is kept. */
  has(index: number): boolean {
    const [first] = this.#pieces;
    return first !== undefined && index < this.lines && (index > first.line || (index === 0 && first.offset === 0));
  }

  /** Line `index` (from 0), its first `maxBytes`, or what it was last written over with; undefined when that is not kept. */
  line(index: number, maxBytes = LINE_BYTES): LineBytes | undefined {
    if (index >= this.lines) return undefined;
    const isOpen = index === this.#ended;
    const start = this.#startOf(index) ?? (isOpen ? this.#open : undefined);
    if (start === undefined) return undefined;
    const end = isOpen ? this.#bytes : (this.#startOf(index + 1) ?? this.#bytes) - 1;
    const length = end - start;
    if (length > maxBytes) {
      const last = rewrittenEnd(this.slice(end - maxBytes, end));
      if (last) return { offset: start, bytes: last, end, length: last.length };
    }
    const first = this.slice(start, Math.min(end, start + maxBytes));
    return first.length === Math.min(length, maxBytes) ? { offset: start, bytes: first, end: start + first.length, length } : undefined;
  }

  /** Bytes from `from` to `to`, as far as they are kept. */
  slice(from: number, to: number): Uint8Array {
    const parts = this.#pieces
      .filter(({ offset, bytes }) => offset < to && offset + bytes.length > from)
      .map(({ offset, bytes }) => bytes.subarray(Math.max(0, from - offset), to - offset));
    const [only] = parts;
    if (parts.length <= 1) return only ?? new Uint8Array();
    const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
    let at = 0;
    for (const part of parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  }

  /** Offset at which line `index` begins; undefined when that is not kept. */
  #startOf(index: number): number | undefined {
    if (index === 0) return this.#pieces[0]?.offset === 0 ? 0 : undefined;
    if (index > this.#ended) return undefined;
    // The LF that ends the line before is in the last piece that begins with fewer lines behind it.
    const holder = this.#pieces.findLastIndex(({ line }) => line < index);
    const piece = this.#pieces[holder];
    if (!piece) return undefined;
    const after = this.#pieces[holder + 1]?.line ?? this.#ended;
    let at = -1;
    if (index - piece.line <= after - index) for (let seen = piece.line; seen < index; seen++) at = piece.bytes.indexOf(LF, at + 1);
    else {
      at = piece.bytes.lastIndexOf(LF);
      for (let seen = after; seen > index; seen--) at = piece.bytes.lastIndexOf(LF, at - 1);
    }
    return piece.offset + at + 1;
  }
}
