import { lineKey } from './line-key.ts';
import { errorPlace, RANKS, type Rank, rankOf } from './notable.ts';
import { cutRow, MAX_ROW_CHARS, type Row } from './types.ts';

/** Groups that each rank keeps: the first ones and the last ones. */
const FIRST_GROUPS = 40;
const LAST_GROUPS = 20;
/** Templates known to be of no interest although they hold a word of the list. */
const ORDINARY = 512;

/** Characters of a line that are looked at, and those that are shown before what looks like an error in a long one. */
const TEXT_CHARS = 1024;
const LEAD_CHARS = 100;

/** Lines that look like errors and differ in nothing but numbers. */
export interface Finding {
  readonly rank: Rank;
  readonly first: Row;
  /** Raw line of the last one. */
  readonly lastLine: number;
  readonly count: number;
  /** Of these, written over or erased since. */
  readonly lost: number;
}

interface Kept {
  readonly first: Map<number, Finding>;
  readonly last: Map<number, Finding>;
  /** Lines of groups that had to make room. */
  dropped: number;
}

/** The lines of a channel that look like errors, grouped, in bounded memory: 60 groups a rank. */
export class Findings {
  readonly #kept: readonly Kept[];
  /** Where each known template is kept; undefined for one of no interest. */
  readonly #known: Map<number, Map<number, Finding> | undefined>;

  constructor(from?: Findings) {
    this.#known = new Map();
    this.#kept = RANKS.map((rank) => {
      const kept = from ? from.#kept[rank] : undefined;
      const copy = { first: new Map(kept?.first), last: new Map(kept?.last), dropped: kept?.dropped ?? 0 };
      for (const map of [copy.first, copy.last]) for (const key of map.keys()) this.#known.set(key, map);
      return copy;
    });
  }

  /** Lines of groups that are not kept any more. */
  get dropped(): number {
    return this.#kept.reduce((sum, { dropped }) => sum + dropped, 0);
  }

  /** Looks at a row, or at what was written of it last, and keeps it when it looks like an error; returns what it is found by. */
  look(row: Row, text = row.text): number {
    const bytes = Buffer.from(text);
    return this.lookAt(bytes, 0, bytes.length, row.line, () => row);
  }

  /** The same for the line in [from, to) of `bytes`; `row` is made of it only when it is wanted. */
  lookAt(bytes: Uint8Array, from: number, to: number, line: number, row: () => Row | undefined): number {
    const key = lineKey(bytes, from, to);
    const map = this.#known.get(key);
    const known = map?.get(key);
    if (map && known) {
      // Of those that stand the first is shown.
      const first = known.count > known.lost ? known.first : (foundRow(row(), textOf(bytes, from, to)) ?? known.first);
      const again = { ...known, first, lastLine: Math.max(known.lastLine, line), count: known.count + 1 };
      // Taken out and put in again: of the last groups the one that was heard of longest ago makes room.
      if (map === this.#kept[known.rank]?.last) map.delete(key);
      map.set(key, again);
      return key;
    }
    if (!this.#known.has(key)) this.#first(key, row(), textOf(bytes, from, to));
    return key;
  }

  /** One of those that are found by `key` does not stand any more; nothing for what does not look like an error. */
  lost(key: number): void {
    const map = this.#known.get(key);
    const known = map?.get(key);
    if (map && known) map.set(key, { ...known, lost: known.lost + 1 });
  }

  /** All that is kept, in order of their first lines. */
  all(): Finding[] {
    return this.#kept
      .flatMap(({ first, last }) => [...first.values(), ...last.values()])
      .sort((a, b) => a.first.from - b.first.from || a.first.ordinal - b.first.ordinal);
  }

  #first(key: number, whole: Row | undefined, text: string): void {
    const rank = rankOf(text);
    const row = rank === undefined ? undefined : foundRow(whole, text);
    const kept = rank === undefined ? undefined : this.#kept[rank];
    if (!row || rank === undefined || !kept) {
      if (this.#known.size < ORDINARY) this.#known.set(key, undefined);
      return;
    }
    const finding = { rank, first: row, lastLine: row.line, count: 1, lost: 0 };
    const map = kept.first.size < FIRST_GROUPS ? kept.first : kept.last;
    map.set(key, finding);
    this.#known.set(key, map);
    if (kept.last.size <= LAST_GROUPS) return;
    const oldest = kept.last.keys().next();
    if (oldest.done === true) return;
    kept.dropped += kept.last.get(oldest.value)?.count ?? 0;
    kept.last.delete(oldest.value);
    this.#known.delete(oldest.value);
  }
}

/** What is looked at of a line. */
function textOf(bytes: Uint8Array, from: number, to: number): string {
  const part = bytes.subarray(from, Math.min(to, from + TEXT_CHARS * 4));
  return Buffer.from(part.buffer, part.byteOffset, part.length).toString('utf8').slice(0, TEXT_CHARS).trimEnd();
}

/** The row as it is shown: of a long one the part that looks like an error. */
function foundRow(row: Row | undefined, text: string): Row | undefined {
  if (!row) return undefined;
  const chars = text.length < TEXT_CHARS ? text.length : Math.max(row.chars, text.length);
  const start = errorPlace(text) - LEAD_CHARS;
  if (text.length <= MAX_ROW_CHARS || start <= 0) return { ...row, text: cutRow(text), chars };
  const mark = `[${start} characters ...] `;
  return { ...row, text: cutRow(mark + text.slice(start)), chars: chars - start + mark.length };
}
