import { defined } from '../core/defined.ts';
import { templateOf } from './notable.ts';
import type { Row } from './types.ts';

/** So many lines of one template become the first, a count, and the last. */
const ALIKE = 4;

/** A row that is shown, or what is said in place of some. */
export interface ShownRow {
  readonly row: Row;
  /** Said below it. */
  readonly note?: string;
  /** Ordinal of the last row that it stands for, itself when left out. */
  readonly until?: number;
}

/**
 * Repeated rows counted: equal ones always, those that differ only in numbers when `alike`. Runs of empty rows become one.
 */
export function collapse(rows: readonly Row[], alike: boolean): ShownRow[] {
  const shown: ShownRow[] = [];
  for (let i = 0; i < rows.length; ) {
    const row = rows[i];
    if (!row) break;
    const end = runEnd(rows, i, ({ text }) => text === row.text);
    const count = end - i;
    const last = rows[end - 1] ?? row;
    const note = count > 2 && row.text !== '' ? `[the line above ${count - 1} more times, to line ${last.line}]` : undefined;
    if (count > 2 || row.text === '') {
      shown.push({ row, until: last.ordinal, ...defined({ note }) });
      i = end;
      continue;
    }
    const alikeEnd = alike ? templateEnd(rows, i) : i;
    if (alikeEnd - i >= ALIKE) {
      const final = rows[alikeEnd - 1] ?? row;
      const left = alikeEnd - i - 2;
      shown.push(
        { row, note: `[${left} more lines like it, differing only in numbers, to line ${final.line - 1}]`, until: final.ordinal - 1 },
        { row: final },
      );
      i = alikeEnd;
      continue;
    }
    shown.push({ row });
    i++;
  }
  return shown;
}

function templateEnd(rows: readonly Row[], from: number): number {
  const template = templateOf(rows[from]?.text ?? '');
  // Of rows that are nothing but numbers the numbers are what they are about.
  if (!/\p{L}/u.test(template)) return from + 1;
  return runEnd(rows, from, ({ text }) => templateOf(text) === template);
}

function runEnd(rows: readonly Row[], from: number, same: (row: Row) => boolean): number {
  let end = from + 1;
  for (let row = rows[end]; row && same(row); row = rows[end]) end++;
  return end;
}

/** The row as it is shown: the rest of a long one is counted. */
export function shownText({ text, chars }: Row): string {
  return chars > text.length ? `${text} [... ${chars - text.length} more characters]` : text;
}

/** Bytes that a row takes with its number and note. */
export function sizeOf({ row, note }: ShownRow): number {
  return Buffer.byteLength(shownText(row)) + String(row.line).length + 3 + (note === undefined ? 0 : note.length + 1);
}

/** Ordinal of the last row that it stands for. */
export function untilOf({ row, until }: ShownRow): number {
  return until ?? row.ordinal;
}
