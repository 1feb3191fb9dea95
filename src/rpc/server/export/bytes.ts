import { stripVTControlCharacters } from 'node:util';
import { cutSequenceAt } from '../../../core/control-sequences.ts';
import { badCursor, DEFAULT_CHANNEL, type ExportPage, type ExportRequest, readPart } from './request.ts';

/** A page of a channel byte for byte, or as text without control sequences; the cursor is an offset (SPEC {#stream_export}). */
export function bytesPage(request: ExportRequest): ExportPage {
  const { channel = DEFAULT_CHANNEL, maxBytes } = request;
  const from = offset(request.cursor);
  const read = readPart(request, channel, { from, maxBytes });
  if (from > read.bytes) throw badCursor();
  const text = request.format === 'text';
  // A sequence that goes on behind this page belongs to the next one, so that no page depends on what the one before held back.
  const cut = text ? cutSequenceAt(read.data.toString('latin1')) : read.data.length;
  const isLast = read.to >= read.bytes || read.to === read.from;
  const data = read.data.subarray(0, cut);
  const to = isLast ? read.to : read.from + cut;
  return {
    document: text ? Buffer.from(stripVTControlCharacters(data.toString())) : data,
    next: isLast ? undefined : String(to),
    channels: [channel],
    done: to,
    bytes: read.bytes,
  };
}

function offset(cursor = '0'): number {
  if (!/^\d{1,15}$/.test(cursor)) throw badCursor();
  return Number(cursor);
}
