import type { Matcher, Range, Scan } from './matcher.ts';

/** Bytes that are scanned at once, in a buffer that is kept between chunks. */
const scratch = Buffer.allocUnsafeSlow(128 * 1024);

/** Finds the secrets of bytes that come one after another, wherever they are cut (SPEC {#redaction_stream}). */
export class Scanner {
  readonly #matcher: Matcher;
  /** The last bytes that came, from `#keptAt` on. */
  #kept = Buffer.alloc(0);
  #keptAt: number;
  #decided: number;

  /** @param at - offset of the first byte that will come; bytes before it are not known */
  constructor(matcher: Matcher, at = 0) {
    this.#matcher = matcher;
    this.#keptAt = at;
    this.#decided = at;
  }

  /** Bytes before this offset are decided: secret or not. */
  get decided(): number {
    return this.#decided;
  }

  /** Offset after the last byte that came. */
  get end(): number {
    return this.#keptAt + this.#kept.length;
  }

  /**
   * Takes the next bytes; returns the offsets of what is secret and of what may become so, also among bytes of earlier calls.
   * With `final` nothing comes after them.
   */
  push(bytes: Buffer, final = false): Pick<Scan, 'ranges' | 'possible'> {
    const origin = this.#keptAt;
    const all = joined(this.#kept, bytes);
    const { ranges, possible, hold, keep } = this.#matcher.scan(all, { atStart: origin === 0, final });
    this.#decided = Math.max(this.#decided, origin + hold);
    // A copy: the bytes that came may be used again by the caller.
    this.#kept = Buffer.from(all.subarray(keep));
    this.#keptAt = origin + keep;
    const shift = (range: Range): Range => ({ ...range, from: range.from + origin, to: range.to + origin });
    return { ranges: ranges.map(shift), possible: possible.map(shift) };
  }

  /** The bytes from `decided` on, which are held back. */
  held(): Buffer {
    return this.#kept.subarray(this.#decided - this.#keptAt);
  }
}

/** The bytes one after the other, until the next call. */
function joined(kept: Buffer, bytes: Buffer): Buffer {
  if (kept.length === 0) return bytes;
  const { length } = kept;
  if (length + bytes.length > scratch.length) return Buffer.concat([kept, bytes]);
  kept.copy(scratch);
  bytes.copy(scratch, length);
  return scratch.subarray(0, length + bytes.length);
}
