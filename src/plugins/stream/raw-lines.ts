import { cutSequenceAt, MAX_SEQUENCE_CHARS } from '../../core/control-sequences.ts';
import { incompleteTail } from '../../core/utf8.ts';
import type { ChannelReader } from '../../hooks/views.ts';

/** Bytes of a line that is longer than what was read of it. */
const PARTIAL_BYTES = 2000;

/** A line, or a piece of a long one, with the bytes that it quotes; the LF is within the range, not in the text. */
export interface RawLine {
  readonly from: number;
  readonly to: number;
  readonly text: string;
  /** The line began before `from`. */
  readonly beginCut?: true;
  /** The line goes on behind `to`. */
  readonly endCut?: true;
}

/**
 * Lines that begin in [from, to), which is where a line begins, in order. A last line that `to` cuts is left out, unless
 * it is the only one or `to` is `end`: the end of what there is.
 */
export function linesForward(reader: ChannelReader, from: number, to: number, end: number): RawLine[] {
  const data = readAll(reader, from, to);
  const lines: RawLine[] = [];
  let start = 0;
  for (let lf = data.indexOf(10); lf >= 0; lf = data.indexOf(10, start)) {
    lines.push({ from: from + start, to: from + lf + 1, text: data.toString('utf8', start, lf) });
    start = lf + 1;
  }
  if (start === data.length) return lines;
  if (to === end) {
    // The rest of a last character, or of a control sequence, may not be stored yet.
    const whole = start + wholeLength(data.subarray(start));
    if (whole > start) lines.push({ from: from + start, to: from + whole, text: data.toString('utf8', start, whole) });
  } else if (lines.length === 0) {
    const piece = data.subarray(0, PARTIAL_BYTES);
    const whole = piece.subarray(0, wholeLength(piece));
    lines.push({ from, to: from + whole.length, text: whole.toString('utf8'), endCut: true });
  }
  return lines;
}

/** Lines that end in [from, to), in order. A first line that began before is left out, unless it is the only one. */
export function linesBackward(reader: ChannelReader, from: number, to: number): RawLine[] {
  const data = readAll(reader, from, to);
  const begins = from === 0 || reader.read(from - 1, 1)[0] === 10;
  const firstLf = data.indexOf(10);
  if (begins) return linesForward(reader, from, to, to);
  if (firstLf >= 0 && firstLf + 1 < data.length) return linesForward(reader, from + firstLf + 1, to, to);
  const body = firstLf >= 0 ? data.subarray(0, firstLf) : data;
  let start = Math.max(0, body.length - PARTIAL_BYTES);
  while (start < body.length && ((body[start] ?? 0) & 0xc0) === 0x80) start++;
  // A piece that would begin inside a control sequence begins with it: the end of one alone looks like text.
  const before = body.subarray(Math.max(0, start - MAX_SEQUENCE_CHARS), start).toString('latin1');
  start -= before.length - cutSequenceAt(before);
  return [{ from: from + start, to, text: body.toString('utf8', start), beginCut: true }];
}

/** How much of a piece does not end inside a character or a control sequence. */
function wholeLength(piece: Buffer): number {
  return cutSequenceAt(piece.subarray(0, piece.length - incompleteTail(piece)).toString('latin1'));
}

function readAll(reader: ChannelReader, from: number, to: number): Buffer {
  const parts: Buffer[] = [];
  for (let at = from; at < to; ) {
    const part = reader.read(at, to - at);
    if (part.length === 0) break;
    parts.push(part);
    at += part.length;
  }
  return parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts);
}
