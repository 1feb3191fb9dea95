import { MASK_BYTE } from '../core/masked.ts';
import type { Matcher, Range } from './matcher.ts';

const LF = 10;
const CR = 13;

/**
 * The bytes with a star for each byte in the ranges, which lie `origin` bytes before them; ends of lines stay. The same
 * object when nothing is masked, else a copy.
 */
export function masked(bytes: Buffer, ranges: Iterable<Range>, origin = 0): Buffer {
  let copy: Buffer | undefined;
  for (const { from, to } of ranges) {
    const end = Math.min(bytes.length, to - origin);
    for (let at = Math.max(0, from - origin); at < end; at++) {
      const byte = bytes[at];
      if (byte === LF || byte === CR) continue;
      copy ??= Buffer.from(bytes);
      copy[at] = MASK_BYTE;
    }
  }
  return copy ?? bytes;
}

/** A whole text with its secrets masked; its length in bytes stays. */
export function maskedText(matcher: Matcher, text: string): string {
  const bytes = Buffer.from(text);
  const { ranges } = matcher.scan(bytes, { atStart: true, final: true });
  return ranges.length === 0 ? text : masked(bytes, ranges).toString('utf8');
}
