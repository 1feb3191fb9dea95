import { incompleteTail } from '../../core/utf8.ts';
import type { LineSource } from './source.ts';

/** Bytes of text that one call answers at most. */
const MAX_BYTES = 32 * 1024;
/** Bytes that one search looks through at most. */
const MAX_SEARCH_BYTES = 64 * 1024 * 1024;
const MAX_LINE_CHARS = 1000;

/** Lines from `first` on (negative counts from the end), with a notice that says what is left out. */
export function readLines(source: LineSource, first: number, limit: number): string {
  if (source.total === 0) return `[${source.path} is empty]`;
  const begin = first > 0 ? first : Math.max(1, source.total + first + 1);
  if (begin > source.total) return `[${source.path} has ${source.total} lines; there is no line ${begin}]`;
  const from = source.offsetOf(begin - 1);
  const wanted = source.offsetOf(begin - 1 + limit) - from;
  let data = source.read(from, Math.min(wanted, MAX_BYTES));
  if (data.length < wanted) {
    const lf = data.lastIndexOf(10);
    data = lf >= 0 ? data.subarray(0, lf + 1) : data.subarray(0, data.length - incompleteTail(data));
  }
  const text = data.toString('utf8');
  const shown = text.endsWith('\n') ? text.slice(0, -1) : text;
  const last = begin + shown.split('\n').length - 1;
  const cut = data.length < wanted && !text.endsWith('\n') ? `; line ${begin} is cut after ${data.length} of its bytes` : '';
  const whole = begin === 1 && last === source.total && cut === '';
  const more = last < source.total ? `; go on with {"path": "${source.path}", "line": ${last + 1}}` : '';
  return whole ? shown : `[${source.path}: lines ${begin} to ${last} of ${source.total}${cut}${more}]\n${shown}`;
}

/** Lines from `first` on that contain `text`, each with its number. */
export function searchLines(source: LineSource, text: string, first: number, limit: number): string {
  const begin = first > 0 ? first : Math.max(1, source.total + first + 1);
  const found: string[] = [];
  let bytes = 0;
  let number = begin;
  let at = source.offsetOf(begin - 1);
  const until = Math.min(source.bytes, at + MAX_SEARCH_BYTES);
  let rest = Buffer.alloc(0);
  const look = (line: Buffer) => {
    const seen = line.toString('utf8');
    if (seen.includes(text)) {
      const shown = seen.length > MAX_LINE_CHARS ? `${seen.slice(0, MAX_LINE_CHARS)} ...` : seen;
      found.push(`${number}: ${shown}`);
      bytes += shown.length;
    }
    number++;
  };
  const full = () => found.length >= limit || bytes >= MAX_BYTES;
  while (at < until && !full()) {
    const page = source.read(at, until - at);
    if (page.length === 0) break;
    at += page.length;
    const data = rest.length === 0 ? page : Buffer.concat([rest, page]);
    let start = 0;
    for (let lf = data.indexOf(10); lf >= 0 && !full(); lf = data.indexOf(10, start)) {
      look(data.subarray(start, lf));
      start = lf + 1;
    }
    rest = Buffer.from(data.subarray(start));
  }
  if (rest.length > 0 && !full()) look(rest);
  const end = number - 1;
  const more = end < source.total ? `; lines ${end + 1} to ${source.total} are not searched, go on with "line": ${end + 1}` : '';
  return [`[${source.path}: ${found.length} of lines ${begin} to ${end} contain ${JSON.stringify(text)}${more}]`, ...found].join('\n');
}
