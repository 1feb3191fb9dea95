import { stripVTControlCharacters } from 'node:util';
import { cutSequenceAt } from '../../../core/control-sequences.ts';
import { withoutOverwritten } from '../../../core/plain-text.ts';
import { badCursor, DEFAULT_CHANNEL, type ExportPage, type ExportRequest, readPart } from './request.ts';

const LF = 0x0a;
const CR = 0x0d;

/** A page of a channel byte for byte, or as text without control sequences; the cursor is an offset (SPEC {#stream_export}). */
export function bytesPage(request: ExportRequest): ExportPage {
  const { channel = DEFAULT_CHANNEL, maxBytes } = request;
  const from = offset(request.cursor);
  const read = readPart(request, channel, { from, maxBytes });
  if (from > read.bytes) throw badCursor();
  const isLast = read.to >= read.bytes || read.to === read.from;
  const text = request.format === 'text' ? textOf(read.data, isLast) : undefined;
  const to = isLast || !text ? read.to : read.from + text.bytes;
  return {
    document: text ? Buffer.from(text.text) : read.data,
    next: isLast ? undefined : String(to),
    channels: [channel],
    done: to,
    bytes: read.bytes,
  };
}

/** Text of the first `bytes` bytes: what goes on behind them belongs to the next page, so that no page depends on what the one before held back. */
function textOf(data: Buffer, isLast: boolean): { text: string; bytes: number } {
  const lines = data.lastIndexOf(LF) + 1;
  // Of a line that is longer than the page the last carriage return counts which has something behind it.
  const overwritten = isLast || lines > 0 ? 0 : data.subarray(0, -1).lastIndexOf(CR) + 1;
  if (overwritten > 0) return { text: '', bytes: overwritten };
  const open = data.length > 1 && data.at(-1) === CR ? 1 : 0;
  const whole = isLast ? data.length : lines > 0 ? lines : data.length - open;
  const cut = cutSequenceAt(data.toString('latin1', 0, whole));
  return { text: withoutOverwritten(stripVTControlCharacters(data.toString('utf8', 0, cut))), bytes: cut };
}

function offset(cursor = '0'): number {
  if (!/^\d{1,15}$/.test(cursor)) throw badCursor();
  return Number(cursor);
}
