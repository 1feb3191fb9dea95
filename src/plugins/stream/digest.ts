import { stripVTControlCharacters } from 'node:util';
import { incompleteTail } from '../../core/utf8.ts';
import type { ChannelDigest } from '../../hooks/table.ts';
import type { ChannelReader } from '../../hooks/views.ts';

/** Lines that look like errors that are shown between head and tail, and characters of one at most. */
const MAX_ERRORS = 12;
const MAX_LINE_CHARS = 400;
/** Bytes between head and tail that are searched for errors; the rest is named as not searched. */
const SEARCH_BYTES = 4 * 1024 * 1024;
const SEARCH_PAGE = 256 * 1024;
/** Bytes looked at to tell text from binary. */
const SAMPLE_BYTES = 4096;

const ERROR = /\b(error|errors|failed|failure|fatal|panic|exception|traceback|not found|denied|cannot|segmentation fault)\b/i;

type Range = ChannelDigest['ranges'][number];

/**
 * What the model is shown of a channel without asking (SPEC {#digest}): all of it when it is small; else its first and
 * last lines and the lines between that look like errors, with line numbers, what was left out, and how to read it.
 */
export function digest(reader: ChannelReader, maxBytes: number): ChannelDigest {
  const name = reader.channel === 1 ? 'stdout' : reader.channel === 2 ? 'stderr' : `channel ${reader.channel}`;
  if (reader.bytes === 0) return { text: `--- ${name}: empty`, ranges: [] };
  const sample = reader.read(0, Math.min(SAMPLE_BYTES, reader.bytes));
  if (isBinary(sample)) {
    const start = sample.subarray(0, 16).toString('hex').replace(/(..)(?=.)/g, '$1 ');
    return { text: `--- ${name}: ${reader.bytes} bytes of binary data beginning ${start} (${reader.path})`, ranges: [{ from: 0, to: Math.min(16, reader.bytes) }] };
  }
  const total = lineCount(reader);
  const title = `--- ${name}: ${reader.bytes} bytes, ${total} ${total === 1 ? 'line' : 'lines'} (${reader.path})`;
  if (reader.bytes <= maxBytes) {
    return { text: `${title}\n${readable(reader.read(0, reader.bytes))}`, ranges: [{ from: 0, to: reader.bytes }] };
  }
  return cutShort(reader, title, total, maxBytes);
}

function cutShort(reader: ChannelReader, title: string, total: number, maxBytes: number): ChannelDigest {
  const head = headOf(reader, Math.floor(maxBytes / 4));
  const tail = tailOf(reader, Math.floor(maxBytes / 2), head.to);
  const found = errorsBetween(reader, head.to, tail.from);
  const left = tail.from - head.to;
  const first = reader.linesBefore(head.to) + 1;
  const last = reader.linesBefore(Math.max(head.to, tail.from - 1)) + 1;
  const search = found.searched < left ? ` Of these the first ${found.searched} bytes were searched for errors.` : '';
  const notice = `[${left} bytes not shown here, lines ${first} to ${last}.${search} Read them with get {"path": "${reader.path}", "line": ${first}}; the whole has ${total} lines]`;
  const lines = found.lines.map(({ line, text }) => `${line}: ${text}`);
  const errors = lines.length === 0 ? [] : [`[lines there that look like errors${found.more ? `, the first ${lines.length}` : ''}]`, ...lines];
  return {
    text: [title, readable(reader.read(head.from, head.to - head.from)), notice, ...errors, '[the end]', readable(reader.read(tail.from, tail.to - tail.from))].join('\n'),
    ranges: [head, ...found.lines.map(({ from, to }) => ({ from, to })), tail],
  };
}

/** From the beginning to the end of a line, or of a character when the line is longer than the room. */
function headOf(reader: ChannelReader, room: number): Range {
  const bytes = reader.read(0, room);
  const lf = bytes.lastIndexOf(10);
  return { from: 0, to: lf >= 0 ? lf + 1 : bytes.length - incompleteTail(bytes) };
}

function tailOf(reader: ChannelReader, room: number, notBefore: number): Range {
  const from = Math.max(notBefore, reader.bytes - room);
  const bytes = reader.read(from, reader.bytes - from);
  const lf = bytes.indexOf(10);
  if (from === notBefore) return { from, to: reader.bytes };
  if (lf >= 0 && lf + 1 < bytes.length) return { from: from + lf + 1, to: reader.bytes };
  // One long line: from the beginning of a character.
  let start = 0;
  while (start < 3 && ((bytes[start] ?? 0) & 0xc0) === 0x80) start++;
  return { from: from + start, to: reader.bytes };
}

interface Found {
  readonly lines: { readonly line: number; readonly text: string; readonly from: number; readonly to: number }[];
  readonly searched: number;
  readonly more: boolean;
}

function errorsBetween(reader: ChannelReader, from: number, to: number): Found {
  const lines: Found['lines'] = [];
  const end = Math.min(to, from + SEARCH_BYTES);
  let line = reader.linesBefore(from);
  let at = from;
  while (at < end) {
    const page = reader.read(at, Math.min(SEARCH_PAGE, end - at));
    let begin = 0;
    for (let lf = page.indexOf(10); lf >= 0; lf = page.indexOf(10, begin)) {
      line++;
      const text = readable(page.subarray(begin, Math.min(lf, begin + MAX_LINE_CHARS)));
      if (ERROR.test(text)) {
        if (lines.length >= MAX_ERRORS) return { lines, searched: to - from, more: true };
        lines.push({ line, text, from: at + begin, to: at + Math.min(lf, begin + MAX_LINE_CHARS) });
      }
      begin = lf + 1;
    }
    if (begin === 0 && page.length > 0) begin = page.length;
    at += begin === 0 ? page.length : begin;
    if (page.length === 0) break;
  }
  return { lines, searched: Math.min(at, to) - from, more: false };
}

/** Text as a terminal would leave it: control sequences gone, what a carriage return overwrote gone. */
function readable(bytes: Buffer): string {
  return stripVTControlCharacters(bytes.toString('utf8'))
    .replace(/\r+\n/g, '\n')
    .split('\n')
    .map((line) => line.slice(line.lastIndexOf('\r', line.length - 2) + 1).replace(/\r$/, ''))
    .join('\n')
    .replace(/\n$/, '');
}

function isBinary(sample: Buffer): boolean {
  if (sample.includes(0)) return true;
  const text = sample.subarray(0, sample.length - incompleteTail(sample)).toString('utf8');
  const odd = text.match(/\ufffd/g)?.length ?? 0;
  return odd > text.length / 10;
}

function lineCount(reader: ChannelReader): number {
  const unfinished = reader.read(reader.bytes - 1, 1)[0] !== 10;
  return reader.lines + (unfinished ? 1 : 0);
}
