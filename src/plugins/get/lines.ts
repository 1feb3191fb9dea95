import { countLines } from '../../core/bytes.ts';
import { slices } from '../../core/slice-turns.ts';
import { incompleteTail } from '../../core/utf8.ts';
import type { LineSource } from './source.ts';

/** Bytes of text that one call returns at most. */
const MAX_BYTES = 32 * 1024;
/** How long one search may take (milliseconds). */
const SEARCH_MS = 2000;
/** Bytes of a line that a search looks at. */
const MAX_LINE_BYTES = 1024 * 1024;
/** Characters of a line that a regular expression is tried on. */
const MAX_TESTED_CHARS = 8 * 1024;
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

/** What a search looks for. */
export interface LineTest {
  /** `contain "x"` or `match /x/`. */
  readonly name: string;
  readonly test: (line: string) => boolean;
  /** Without these bytes in it no line of a page can pass. */
  readonly needle?: Buffer;
}

/** Lines that contain this text. */
export function containing(text: string): LineTest {
  return { name: `contain ${JSON.stringify(text)}`, test: (line) => line.includes(text), needle: Buffer.from(text) };
}

/** Lines that a regular expression matches, tried on the first 8 KiB of each. */
export function matching(expression: RegExp): LineTest {
  return { name: `match /${expression.source}/`, test: (line) => expression.test(line.slice(0, MAX_TESTED_CHARS)) };
}

/**
 * Lines from `first` on that pass, each with its number. Goes through the whole source, letting others have their turn, for
 * as long as SEARCH_MS; where it stopped is said.
 */
export async function searchLines(source: LineSource, { name, test, needle }: LineTest, first: number, limit: number): Promise<string> {
  const begin = first > 0 ? first : Math.max(1, source.total + first + 1);
  const until = performance.now() + SEARCH_MS;
  const found: string[] = [];
  let bytes = 0;
  let number = begin;
  let at = source.offsetOf(begin - 1);
  let rest = Buffer.alloc(0);
  const full = () => found.length >= limit || bytes >= MAX_BYTES;
  const look = (line: Buffer) => {
    const seen = line.toString('utf8');
    if (test(seen)) {
      const shown = seen.length > MAX_LINE_CHARS ? `${seen.slice(0, MAX_LINE_CHARS)} ...` : seen;
      found.push(`${number}: ${shown}`);
      bytes += shown.length;
    }
    number++;
  };
  while (at < source.bytes && !full() && performance.now() < until) {
    const page = source.read(at, source.bytes - at);
    if (page.length === 0) break;
    at += page.length;
    const data = rest.length === 0 ? page : Buffer.concat([rest, page]);
    const end = data.lastIndexOf(10) + 1;
    let start = 0;
    while (start < end && !full()) {
      // Lines without the needle are counted, not decoded.
      const hit = needle === undefined ? start : data.indexOf(needle, start);
      const line = hit < 0 || hit >= end ? end : data.lastIndexOf(10, hit === 0 ? -data.length : hit - 1) + 1;
      if (line > start) number += countLines(data.subarray(start, line));
      start = Math.max(start, line);
      if (start >= end) break;
      const lf = data.indexOf(10, start);
      look(data.subarray(start, lf));
      start = lf + 1;
    }
    rest = Buffer.from(data.subarray(start, start + MAX_LINE_BYTES));
    await slices.next();
  }
  if (at >= source.bytes && rest.length > 0 && !full()) look(rest);
  const end = number - 1;
  const more = end < source.total ? `; lines ${end + 1} to ${source.total} are not searched, go on with "line": ${end + 1}` : '';
  return [`[${source.path}: ${found.length} of lines ${begin} to ${end} ${name}${more}]`, ...found].join('\n');
}
