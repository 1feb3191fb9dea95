import { masked } from './mask.ts';
import type { Matcher } from './matcher.ts';

/** Stored bytes that can be read from any offset. */
export interface Readable {
  /** How many bytes there are. */
  readonly bytes: number;
  /** True when further bytes may come. */
  readonly live: boolean;
  read(from: number, maxBytes: number): Buffer;
}

/**
 * The bytes [from, from + maxBytes), masked. A byte's result does not depend on the range that is read. At the end of a live source, bytes
 * that may begin a secret are masked too (SPEC {#redaction_stream}).
 */
export function maskedRead(matcher: Matcher, source: Readable, from: number, maxBytes: number): Buffer {
  const wanted = source.read(from, maxBytes);
  if (wanted.length === 0) return wanted;
  const to = from + wanted.length;
  const start = Math.max(0, from - matcher.reach);
  const end = Math.min(source.bytes, to + matcher.ahead);
  const before = start === from ? NOTHING : source.read(start, from - start);
  const behind = end <= to ? NOTHING : source.read(to, end - to);
  const window = before.length + behind.length === 0 ? wanted : Buffer.concat([before, wanted, behind]);
  const final = !source.live && end >= source.bytes;
  const { ranges, possible } = matcher.scan(window, { atStart: start === 0, final });
  return masked(wanted, end < source.bytes ? ranges : [...ranges, ...possible], from - start);
}

/** The offset up to which it is decided which bytes are secret: of a source that is not live, its length. */
export function decidedEnd(matcher: Matcher, source: Readable): number {
  if (!source.live) return source.bytes;
  const start = Math.max(0, source.bytes - matcher.reach);
  return start + matcher.scan(source.read(start, source.bytes - start), { atStart: start === 0, final: false }).hold;
}

const NOTHING = Buffer.alloc(0);
