import stringWidth from 'string-width';
import { visible } from '../text.ts';

/** How a piece of a row looks. */
export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan' | 'inverse';

/** A piece of a row: text that is safe to print, its looks, and the column that it is drawn at where that is fixed. */
export interface Span {
  readonly text: string;
  readonly styles?: readonly Style[];
  /** Looks that a command gave its output: parameters of SGR, digits and separators alone. */
  readonly sgr?: string;
  readonly column?: number;
}

/** One row of a terminal. */
export type Row = readonly Span[];

const ASCII = /^[\x20-\x7e]*$/;
const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** Columns that a text without control characters takes. */
export function widthOf(text: string): number {
  return ASCII.test(text) ? text.length : stringWidth(text);
}

/** Columns that a row takes. */
export function rowWidth(row: Row): number {
  return row.reduce((width, span) => (span.column ?? width) + widthOf(span.text), 0);
}

export function span(text: string, ...styles: Style[]): Span {
  return styles.length === 0 ? { text } : { text, styles };
}

/** A piece of output with the looks that its command gave it; `styles` are those below them. */
export function styled(text: string, sgr: string, ...styles: Style[]): Span {
  return { ...span(text, ...styles), ...(sgr === '' ? {} : { sgr }) };
}

/** What fits into `columns` from the beginning of a text, by whole characters. */
export function head(text: string, columns: number): string {
  if (columns <= 0) return '';
  // No character has more than a few UTF-16 units a column; what is far beyond need not be looked at.
  const near = text.slice(0, columns * 16 + 16);
  if (ASCII.test(near)) return near.slice(0, columns);
  let width = 0;
  let end = 0;
  for (const { segment } of graphemes.segment(near)) {
    width += stringWidth(segment);
    if (width > columns) break;
    end += segment.length;
  }
  return near.slice(0, end);
}

/** What a row says. */
export function rowText(row: Row): string {
  return row.map(({ text }) => text).join('');
}

/** A row in at most `columns`; `…` stands for what is cut. */
export function cutRow(row: Row, columns: number): Row {
  const cut: Span[] = [];
  let at = 0;
  for (const piece of row) {
    at = piece.column ?? at;
    const width = widthOf(piece.text);
    if (at + width <= columns) {
      cut.push(piece);
      at += width;
      continue;
    }
    const room = columns - at - 1;
    if (room >= 0) cut.push({ ...piece, text: `${head(piece.text, room)}…` });
    break;
  }
  return cut;
}

/** A row of exactly `columns`, cut or filled with blanks that look like its last piece when `styles` say so. */
export function fitRow(row: Row, columns: number, ...styles: Style[]): Row {
  const cut = cutRow(row, columns);
  const missing = columns - rowWidth(cut);
  return missing > 0 ? [...cut, span(' '.repeat(missing), ...styles)] : cut;
}

/** Lines of at most `columns` each, broken between words where that is possible. LF begins a new one. */
export function wrap(text: string, columns: number): string[] {
  const width = Math.max(1, columns);
  return text.split('\n').flatMap((line) => wrapLine(line.replaceAll('\t', '    '), width));
}

function wrapLine(line: string, width: number): string[] {
  const lines: string[] = [];
  let rest = line;
  while (rest.length > width || widthOf(rest) > width) {
    // A character that is wider than all there is goes on a line of its own, cut by the terminal.
    const whole = head(rest, width) || ([...graphemes.segment(rest.slice(0, 64))][0]?.segment ?? rest.slice(0, 1));
    const blank = rest[whole.length] === ' ' ? whole.length : whole.lastIndexOf(' ');
    const end = blank > width / 3 ? blank : whole.length;
    lines.push(rest.slice(0, end));
    rest = rest.slice(end).replace(/^ /, '');
  }
  return rest === '' && lines.length > 0 ? lines : [...lines, rest];
}

/** Text of others for a terminal, safe to print, in lines of at most `columns`. */
export function wrapVisible(text: string, columns: number): string[] {
  return wrap(visible(text).trimEnd(), columns);
}
