import { defined } from '../core/defined.ts';
import type { Picture } from './picture.ts';
import { cutRow, type Row } from './types.ts';

/** Rows of one picture that become rows of the log. */
const PICTURE_ROWS = 100;

/** The place in the channel of what is being played. */
export interface Place {
  /** Byte offset. */
  at: number;
  /** LF bytes before it. */
  lines: number;
}

/** A row that can still change. */
export interface LiveRow {
  text: string;
  chars: number;
  /** Bytes of what stands, and the raw line of the first. */
  from: number;
  line: number;
  to: number;
  /** Where the writing began that is about to cover all that stood; -1 when none is. */
  passFrom: number;
  passLine: number;
  /** Where the text ends that was written last from the beginning of the row: what is left behind it is older. */
  passEnd: number;
  /** Where the last writing ended; what goes on there covers nothing that has not been looked at. */
  writeEnd: number;
  /** It has been looked at for errors as it is, and what it would be found by. */
  looked: boolean;
  key: number | undefined;
}

/** A row without anything. */
export function blank({ at, lines }: Place): LiveRow {
  return {
    text: '',
    chars: 0,
    from: at,
    to: at,
    line: lines + 1,
    passFrom: -1,
    passLine: 0,
    passEnd: 0,
    writeEnd: -1,
    looked: false,
    key: undefined,
  };
}

/** A row as the rest of the digest sees it. */
export function settled(row: LiveRow, ordinal: number): Row {
  const { from, to, line, key } = row;
  // Of a row that was cut the end is not known, so that blanks may be within it.
  const cut = row.chars > row.text.length;
  const whole = cut ? row.text : row.text.trimEnd();
  return { ordinal, from, to, line, text: cutRow(whole), chars: cut ? row.chars : whole.length, ...defined({ key }) };
}

/**
 * A row as it is when the cursor comes back to it: how it was written is forgotten. So it does not matter whether it has
 * been among the settled rows meanwhile, which depends on how the output was cut into pieces.
 */
export function unsettled({ from, to, line, text, chars, key }: Row): LiveRow {
  return { text, chars, from, to, line, passFrom: -1, passLine: 0, passEnd: text.length, writeEnd: -1, looked: true, key };
}

/** What a full-screen program drew last, as rows. */
export function pictureRows(picture: Picture, to: number): LiveRow[] {
  const rows = picture.rows().slice(0, PICTURE_ROWS);
  return ['[a full-screen program drew this, its last picture:]', ...rows, '[end of the picture]'].map((text) => ({
    ...blank({ at: picture.from, lines: picture.line - 1 }),
    text,
    chars: text.length,
    to,
  }));
}
