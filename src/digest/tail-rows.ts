import { lineKey } from './line-key.ts';
import { type ByteSource, isSpan, type LineRow, plainRows, type Row, type Span, withoutColours } from './types.ts';

/** What is kept in memory at most. */
export interface TailLimits {
  /** Of rows; a span counts as nothing, it is read again. */
  readonly chars: number;
  /** Rows and spans. */
  readonly items: number;
}

const KEPT: TailLimits = { chars: 24 * 1024, items: 600 };
/** Bytes of a span that are read at most for its last rows. */
const SPAN_BYTES = 256 * 1024;
/** Bytes of one row that are looked at; the others are counted as characters. */
const ROW_BYTES = 4 * 1024 * 1024;

/** The last rows of a channel that nothing can write over any more, or not easily, in bounded memory. */
export class TailRows {
  readonly #keep: TailLimits;
  #items: (Row | Span)[];
  #chars: number;
  /** Rows ever put in. */
  count: number;

  constructor(keep: TailLimits = KEPT, from?: TailRows) {
    this.#keep = keep;
    this.#items = from ? [...from.#items] : [];
    this.#chars = from ? from.#chars : 0;
    this.count = from?.count ?? 0;
  }

  /** Adds the next row. */
  push(row: Row): void {
    this.#items.push(row);
    this.#chars += row.text.length;
    this.count = row.ordinal + 1;
    this.#trim();
  }

  /** Adds rows of plain text that follow on the last one. */
  pushSpan(span: Span): void {
    const last = this.#items.at(-1);
    if (last && isSpan(last) && last.to === span.from)
      this.#items[this.#items.length - 1] = { ...last, rows: last.rows + span.rows, to: span.to };
    else {
      this.#items.push(span);
      this.#trim();
    }
    this.count = span.ordinal + span.rows;
  }

  /** Takes the last row out again, for a cursor that moves up to it. */
  pop(source: ByteSource): Row | undefined {
    const last = this.#items.pop();
    if (last === undefined) return undefined;
    if (!isSpan(last)) {
      this.#drop(last);
      this.count = last.ordinal;
      return last;
    }
    const rows = lastRowsOf(source, last, 1);
    const row = rows.at(-1);
    if (!row) return undefined;
    if (last.rows > 1) this.#items.push({ ...last, rows: last.rows - 1, to: row.begin });
    this.count = row.ordinal;
    return { ...row, key: lineKeyOf(source.read(row.begin, Math.min(ROW_BYTES, row.to - row.begin))) };
  }

  /** The last rows, in order, without a gap: as many as are known, at least `wanted` where there are so many. */
  rows(source: ByteSource, wanted: number): Row[] {
    const parts: Row[][] = [];
    let found = 0;
    for (let i = this.#items.length - 1; i >= 0 && found < wanted; i--) {
      const item = this.#items[i];
      if (!item) break;
      const rows = isSpan(item) ? lastRowsOf(source, item, wanted - found) : [item];
      parts.push(rows);
      found += rows.length;
      if (isSpan(item) && rows.length < item.rows) break;
    }
    return parts.reverse().flat();
  }

  #trim(): void {
    while (this.#items.length > this.#keep.items || this.#chars > this.#keep.chars) this.#drop(this.#items.shift());
  }

  #drop(item: Row | Span | undefined): void {
    if (item && !isSpan(item)) this.#chars -= item.text.length;
  }
}

/** What a line of text and colours is found by. */
function lineKeyOf(line: Buffer): number {
  // Byte for byte, as it was when it was looked at.
  const text = Buffer.from(withoutColours(line.toString('latin1')), 'latin1');
  return lineKey(text, 0, text.length);
}

/** The last rows of a span, `wanted` at most; fewer where they are long, but one. */
function lastRowsOf(source: ByteSource, span: Span, wanted: number): LineRow[] {
  const start = Math.max(span.from, span.to - Math.min(SPAN_BYTES, wanted * 512));
  const bytes = source.read(start, span.to - start);
  if (start === span.from) return plainRows(bytes, span).slice(-wanted);
  // A row that begins before what was read is known by its end only.
  const lf = bytes.indexOf(10);
  if (lf < 0 || lf === bytes.length - 1) return wholeLastRow(source, span);
  const rows = plainRows(bytes.subarray(lf + 1), { ...span, from: start + lf + 1 });
  const skipped = span.rows - rows.length;
  return rows.slice(-wanted).map((row) => ({ ...row, ordinal: row.ordinal + skipped, line: row.line + skipped }));
}

/** A last row longer than what is read at once: its beginning. */
function wholeLastRow(source: ByteSource, span: Span): LineRow[] {
  let begin = span.to - 1;
  while (begin > span.from) {
    const from = Math.max(span.from, begin - SPAN_BYTES);
    const lf = source.read(from, begin - from).lastIndexOf(10);
    if (lf >= 0) {
      begin = from + lf + 1;
      break;
    }
    begin = from;
  }
  const bytes = source.read(begin, Math.min(ROW_BYTES, span.to - begin));
  const [row] = plainRows(bytes, { ordinal: span.ordinal + span.rows - 1, from: begin, line: span.line + span.rows - 1 });
  return row ? [{ ...row, to: span.to, chars: row.chars + span.to - begin - bytes.length }] : [];
}
