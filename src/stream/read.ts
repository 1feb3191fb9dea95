import { HeadgateError } from '../core/errors.ts';
import { linePattern } from '../core/line-pattern.ts';
import { incompleteTail } from '../core/utf8.ts';
import type { EntryStatus } from '../model/status.ts';
import type { ReadableChannels } from '../redact/index.ts';

/** Bytes that one read returns when nothing is said, and at the most. */
const DEFAULT_BYTES = 1024 * 1024;
const SEARCH_PAGE_BYTES = 256 * 1024;
/** A search returns at most so many lines, and stops after so many milliseconds; `to` says where to go on. */
const SEARCH_ROWS = 1000;
const SEARCH_MS = 8;
const MATCH_TEXT_CHARS = 2048;
/** Bytes of a line that a search looks at. */
const SEARCH_LINE_BYTES = 8 * 1024;

export interface ReadRequest {
  readonly from?: number | undefined;
  readonly maxBytes?: number | undefined;
  readonly lines?: { readonly first: number; readonly count: number } | { readonly last: number } | undefined;
  readonly match?: string | undefined;
  /** Bytes from here on are not given yet; all are when it is left out. */
  readonly until?: number | undefined;
}

export interface LineMatch {
  /** 1 for the first line. */
  readonly line: number;
  /** Byte offset of the line. */
  readonly offset: number;
  readonly text: string;
}

export interface ReadRange {
  readonly from: number;
  readonly to: number;
  /** Bytes in the whole channel. */
  readonly bytes: number;
  /** Numbers (from 1) of the first and last line touched, and how many lines there are; all 0 without any line. */
  readonly lines: { readonly first: number; readonly last: number; readonly total: number };
  readonly data: Buffer;
  readonly matches?: readonly LineMatch[];
}

/** What `stream/read` returns, with the bytes as they are. */
export interface ReadResult extends ReadRange {
  readonly path: string;
  readonly channel: number;
  readonly status: EntryStatus;
  readonly outcome: string | null;
  /** Where the command ended; what lies behind was written since, by what it had left running (SPEC {#detached}). */
  readonly end?: number;
}

/** A byte range, a line range, a tail, or a search of one channel (SPEC {#stream_read}). */
export function readChannel(channels: ReadableChannels, entryId: number, request: ReadRequest): ReadRange {
  const given = [request.from, request.lines].filter((one) => one !== undefined).length;
  if (given > 1) {
    throw new HeadgateError('invalid_params', 'give either from or lines, not both', { field: 'lines' });
  }
  const head = channels.head(entryId);
  const unfinished = head.bytes > 0 && channels.read(entryId, head.bytes - 1, 1)[0] !== 10;
  const total = head.lines + (unfinished ? 1 : 0);
  if (request.match !== undefined) return search(channels, entryId, request.from ?? 0, head.bytes, total, request.match);
  const asked = range(channels, entryId, head.bytes, total, request);
  const end = Math.min(asked.end, request.until ?? asked.end);
  const start = Math.min(asked.start, end);
  const maxBytes = Math.min(request.maxBytes ?? DEFAULT_BYTES, Math.max(0, end - start));
  let data = maxBytes > 0 ? channels.read(entryId, start, maxBytes) : Buffer.alloc(0);
  const keep = start + data.length < head.bytes ? incompleteTail(data) : 0;
  if (keep > 0 && keep < data.length) data = data.subarray(0, data.length - keep);
  return {
    from: start,
    to: start + data.length,
    bytes: head.bytes,
    lines: linesOf(channels, entryId, start, start + data.length, total),
    data,
  };
}

function range(
  channels: ReadableChannels,
  entryId: number,
  bytes: number,
  total: number,
  request: ReadRequest,
): { start: number; end: number } {
  const { lines } = request;
  if (!lines) return { start: Math.min(request.from ?? 0, bytes), end: bytes };
  const first = 'last' in lines ? Math.max(0, total - lines.last) : lines.first - 1;
  const count = 'last' in lines ? lines.last : lines.count;
  return { start: channels.offsetOfLine(entryId, first), end: channels.offsetOfLine(entryId, first + count) };
}

function linesOf(channels: ReadableChannels, entryId: number, from: number, to: number, total: number): ReadRange['lines'] {
  if (total === 0 || from === to) return { first: 0, last: 0, total };
  return { first: channels.linesBefore(entryId, from) + 1, last: channels.linesBefore(entryId, to - 1) + 1, total };
}

function search(channels: ReadableChannels, entryId: number, from: number, bytes: number, total: number, pattern: string): ReadRange {
  const regex = linePattern(pattern, 'match');
  const matches: LineMatch[] = [];
  const until = performance.now() + SEARCH_MS;
  // Lines are counted from the line that holds `from`, which is read from its beginning.
  let line = channels.linesBefore(entryId, Math.min(from, bytes));
  const start = channels.offsetOfLine(entryId, line);
  let at = start;
  const more = () => at < bytes && matches.length < SEARCH_ROWS && (at === start || performance.now() < until);
  const look = (text: Buffer, offset: number) => {
    line++;
    const seen = text.subarray(0, SEARCH_LINE_BYTES).toString('utf8');
    if (regex.test(seen)) matches.push({ line, offset, text: seen.slice(0, MATCH_TEXT_CHARS) });
  };
  while (more()) {
    const page = channels.read(entryId, at, SEARCH_PAGE_BYTES);
    const origin = at;
    let begin = 0;
    for (let lf = page.indexOf(10); lf >= 0 && more(); lf = page.indexOf(10, begin)) {
      look(page.subarray(begin, lf), at);
      begin = lf + 1;
      at = origin + begin;
    }
    if (!more() || page.indexOf(10, begin) >= 0) continue;
    const last = origin + page.length === bytes;
    if (!last && begin > 0) continue;
    // The last line without an LF, or one longer than a page: its beginning is looked at, then the next line is sought.
    look(page.subarray(begin), at);
    at = last ? bytes : channels.offsetOfLine(entryId, line);
  }
  const lines = { first: total === 0 ? 0 : channels.linesBefore(entryId, start) + 1, last: line, total };
  return { from: start, to: at, bytes, lines, data: Buffer.alloc(0), matches };
}
