import { stripVTControlCharacters } from 'node:util';
import { printable } from './printable.ts';
import { type Row, type Span, styled, wrap } from './rows.ts';

/** A line of output: its text, safe to print, and the looks of its pieces, which are that text. */
export interface ColouredLine {
  readonly text: string;
  readonly spans: readonly Span[];
}

/** The control sequence that gives what follows its looks (SGR of ECMA-48). */
const SGR = /\u001b\[([0-9;:]*)m/;
/** What stands in one: a colour of its own, or a number. */
const LOOKS = /[34]8[;:](?:5[;:]\d+|2(?:[;:]\d*){3,4})|\d+/g;
/** Blinking and hidden text is neither. */
const LEFT_OUT: ReadonlySet<string> = new Set(['5', '6', '8']);
/** Parameters that are gathered without a reset at most, in characters. */
const MOST = 128;

/**
 * Output as lines for a page: of what carriage returns overwrote the last piece, no control sequence but colours, which go on from line
 * to line, and at most `chars` characters of each.
 */
export function colouredLines(output: string, chars: number): ColouredLine[] {
  let sgr = '';
  return output.split('\n').map((line) => {
    const pieces = line.split('\r');
    const shown = pieces.findLastIndex((piece) => stripVTControlCharacters(piece) !== '');
    const spans: Span[] = [];
    let left = chars;
    for (const [index, piece] of pieces.entries()) {
      // Texts stand at even places, parameters between them.
      for (const [at, part] of piece.split(SGR).entries()) {
        if (at % 2 === 1) sgr = after(sgr, part);
        else if (index === shown && left > 0) {
          const text = printable(stripVTControlCharacters(part).slice(0, left).replaceAll('\t', '    '));
          left -= text.length;
          if (text !== '') spans.push(styled(text, sgr));
        }
      }
    }
    return { text: spans.map(({ text }) => text).join(''), spans };
  });
}

/** The looks after one more sequence. */
function after(sgr: string, parameters: string): string {
  const given = parameters === '' ? ['0'] : (parameters.match(LOOKS) ?? []);
  const reset = given.findLastIndex((one) => Number(one) === 0);
  const more = given.slice(reset + 1).filter((one) => !LEFT_OUT.has(one));
  const kept = reset >= 0 || sgr === '' ? [] : [sgr];
  const joined = [...kept, ...more].join(';');
  return joined.length > MOST ? more.join(';').slice(0, MOST) : joined;
}

/** A line in rows of at most `columns`, broken as `wrap` breaks its text. */
export function wrapColoured({ text, spans }: ColouredLine, columns: number): Row[] {
  let at = 0;
  return wrap(text, columns).map((row) => {
    // A blank at which a row was broken is left out.
    if (at > 0 && !text.startsWith(row, at)) at++;
    const cut = between(spans, at, at + row.length);
    at += row.length;
    return cut;
  });
}

function between(spans: readonly Span[], from: number, to: number): Row {
  const cut: Span[] = [];
  let at = 0;
  for (const span of spans) {
    const text = span.text.slice(Math.max(0, from - at), Math.max(0, to - at));
    if (text !== '') cut.push({ ...span, text });
    at += span.text.length;
  }
  return cut;
}
