import { countLines } from '../core/bytes.ts';
import { type ShownRow, sizeOf } from './collapse.ts';
import type { Digestible } from './compose.ts';
import { type Finding, Findings } from './findings.ts';
import type { LogScreen } from './log-screen.ts';
import { rankOf } from './notable.ts';
import { playPart } from './part.ts';
import type { Row } from './types.ts';

/** Rows shown before and after a failure: what was being done, the assertion's difference, the head of a stack. */
const BEFORE_ROWS = 3;
const AFTER_ROWS = 8;
const BEFORE_BYTES = 1024;
const AFTER_BYTES = 3 * 1024;
/** Of the room that there is: what failures may take, with what is around them, and what warnings may take. */
const FAILURE_SHARE = 0.6;
const AROUND_SHARE = 0.9;
const WARNING_SHARE = 0.15;

/** The lines that look like errors and are not at either edge. */
export interface Excerpts {
  readonly rows: readonly ShownRow[];
  /** Lines that look like errors among them; the others stand around those. */
  readonly count: number;
  /** Such lines that found no room, however often they came. */
  readonly omitted: number;
}

/** Chooses what fits into `maxBytes`: failures first, then what is around them, then errors, then warnings. */
export function chooseFindings(channel: Digestible, edges: readonly ShownRow[], maxBytes: number): Excerpts {
  const findings = allFindings(channel.player.screen);
  const room = new Room(edges);
  const known = findings.all().filter(({ first }) => !room.has(first));
  const of = (rank: number) => outsideIn(known.filter((finding) => finding.rank === rank));
  let shown = 0;
  let omitted = findings.dropped;
  const put = (found: readonly Finding[], until: number) => {
    for (const finding of found)
      if (room.add(withCount(finding), until)) shown++;
      else if (!room.has(finding.first)) omitted += finding.count;
  };
  const failures = of(0);
  put(failures, maxBytes * FAILURE_SHARE);
  for (const { first } of failures)
    if (room.has(first)) for (const row of around(channel, first)) room.add({ row }, maxBytes * AROUND_SHARE);
  put(of(1), maxBytes);
  put(of(2), Math.min(maxBytes, room.used + maxBytes * WARNING_SHARE));
  return { rows: room.rows, count: shown, omitted };
}

/** Rows that are taken once each, as long as there is room. */
class Room {
  readonly rows: ShownRow[] = [];
  used = 0;
  readonly #taken: Set<number>;

  constructor(edges: readonly ShownRow[]) {
    this.#taken = new Set(edges.map(({ row }) => row.from));
  }

  has({ from }: Row): boolean {
    return this.#taken.has(from);
  }

  add(one: ShownRow, until: number): boolean {
    const size = sizeOf(one);
    if (this.has(one.row) || this.used + size > until) return false;
    this.#taken.add(one.row.from);
    this.rows.push(one);
    this.used += size;
    return true;
  }
}

/** All lines that look like errors, with the one that is still being written. */
function allFindings(screen: LogScreen): Findings {
  const findings = new Findings(screen.findings);
  const row = screen.unlooked();
  if (row) findings.look(row);
  return findings;
}

/** Failures and errors of which none stands any more: written over, or erased. */
export function lostFindings(screen: LogScreen): ShownRow[] {
  return allFindings(screen)
    .all()
    .filter(({ rank, count, lost }) => rank < 2 && lost >= count)
    .map(withCount);
}

function withCount({ first, lastLine, count, lost }: Finding): ShownRow {
  const stand = count - lost;
  if (stand <= 0) return { row: first, note: '[the line above does not stand on the terminal any more]' };
  if (stand === 1) return { row: first };
  return { row: first, note: `[${stand - 1} more like it, ${stand > 2 ? 'the last in' : 'in'} line ${lastLine}]` };
}

/** The first, the last, the second, the last but one: what began it and what it came to. */
function outsideIn<T>(items: readonly T[]): T[] {
  const ordered: T[] = [];
  for (let low = 0, high = items.length - 1; low <= high; low++, high--) {
    ordered.push(...items.slice(low, low + 1));
    if (high > low) ordered.push(...items.slice(high, high + 1));
  }
  return ordered;
}

/** The rows around a failure; after it as far as the next line that is shown by itself. */
function around({ source, bytes }: Digestible, row: Row): Row[] {
  const from = Math.max(0, row.from - BEFORE_BYTES);
  const head = source.read(from, row.from - from);
  const begin = from === 0 ? 0 : head.indexOf(10) + 1;
  const lines = row.line - 1 - countLines(head.subarray(begin));
  const before = begin === 0 && from > 0 ? [] : playPart({ source }, head.subarray(begin), { at: from + begin, lines }).slice(-BEFORE_ROWS);
  const data = source.read(row.to, Math.min(AFTER_BYTES, bytes - row.to));
  const whole = row.to + data.length === bytes ? data : data.subarray(0, data.lastIndexOf(10) + 1);
  const after = playPart({ source }, whole, { at: row.to, lines: row.line }).slice(0, AFTER_ROWS);
  const end = after.findIndex(({ text }) => rankOf(text) !== undefined);
  const near = [...before.filter(({ text }) => rankOf(text) === undefined), ...(end < 0 ? after : after.slice(0, end))];
  return near.filter(({ text }) => text.trim() !== '').map((one) => ({ ...one, ordinal: row.ordinal + one.line - row.line }));
}
