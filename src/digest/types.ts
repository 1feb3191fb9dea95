import { colourEnd } from '../core/coloured.ts';

/** Characters of one row that are kept; the others are counted. */
export const MAX_ROW_CHARS = 500;

/** One row of output as a terminal would have left it, and the bytes that it quotes. */
export interface Row {
  /** 0 for the first row of the channel. */
  readonly ordinal: number;
  /** Bytes [from, to): of what was written over, only what stands. */
  readonly from: number;
  readonly to: number;
  /** The raw line, 1 for the first, in which `from` lies: what `get` reads by. */
  readonly line: number;
  /** At most MAX_ROW_CHARS characters. */
  readonly text: string;
  /** Characters of the whole row. */
  readonly chars: number;
  /** The finding that the row is, when it was examined alone. */
  readonly key?: number;
}

/** A row that is one raw line. */
export interface LineRow extends Row {
  /** Where the line begins: colours may stand before what is quoted. */
  readonly begin: number;
}

/** Rows of plain text that nothing has been written over: they are read from the store when they are wanted. */
export interface Span {
  /** Of the first row. */
  readonly ordinal: number;
  readonly rows: number;
  readonly from: number;
  readonly to: number;
  /** Of the first row. */
  readonly line: number;
}

/** The stored bytes of a channel. */
export interface ByteSource {
  /** Bytes from `from` on, up to `maxBytes`; fewer only where the channel ends. */
  read(from: number, maxBytes: number): Buffer;
}

/** The terminal that a command writes to. */
export interface TerminalSize {
  readonly cols: number;
  readonly rows: number;
}

/** What a digest shows of a channel and which bytes it quotes. */
export interface DigestText {
  readonly text: string;
  readonly ranges: readonly { readonly from: number; readonly to: number }[];
}

export function isSpan(item: Row | Span): item is Span {
  return 'rows' in item;
}

const COLOURS = /\u001b\[[0-;]{0,62}m/g;

/** A line of text and colours without these. */
export function withoutColours(line: string): string {
  return line.includes('\u001b') ? line.replace(COLOURS, '') : line;
}

/** Lines of text and colours as rows; a last one without LF is one too. */
export function plainRows(bytes: Buffer, first: { readonly ordinal: number; readonly from: number; readonly line: number }): LineRow[] {
  const rows: LineRow[] = [];
  for (let start = 0; start < bytes.length; ) {
    const lf = bytes.indexOf(10, start);
    const end = lf < 0 ? bytes.length : lf;
    const raw = bytes.toString('utf8', start, end);
    const text = withoutColours(raw).trimEnd();
    const next = lf < 0 ? end : end + 1;
    rows.push({
      ordinal: first.ordinal + rows.length,
      begin: first.from + start,
      from: first.from + textBegin(bytes, start),
      to: first.from + next,
      line: first.line + rows.length,
      text: cutRow(text),
      chars: text.length,
    });
    start = next;
  }
  return rows;
}

/** Where a line begins to show something: what a row quotes. */
function textBegin(bytes: Buffer, start: number): number {
  let at = start;
  for (let end = colourEnd(bytes, at); end > at; end = colourEnd(bytes, at)) at = end;
  const byte = bytes[at];
  return byte === undefined || byte === 10 || (byte === 13 && bytes[at + 1] === 10) ? start : at;
}

/** The beginning of a row, not cut inside a character. */
export function cutRow(text: string): string {
  return text.length <= MAX_ROW_CHARS ? text : ownText(text.slice(0, MAX_ROW_CHARS).replace(/[\ud800-\udbff]$/, ''));
}

/** A copy: V8 keeps a whole string alive for a slice of it. */
export function ownText(text: string): string {
  return Buffer.from(text, 'utf16le').toString('utf16le');
}
