/** Longer sequences are treated as text. */
export const MAX_SEQUENCE_CHARS = 4096;

/**
 * The beginning of a control sequence whose end has not come: ESC alone, ESC and intermediates, an unfinished CSI, or
 * an unfinished OSC, DCS, PM, APC or SOS string (ECMA-48 sections 5.4 and 5.6).
 */
const OPEN_SEQUENCE = /\u001b(?:[ -/]*|\[[0-?]*[ -/]*|[\]PX^_][^\u0007\u001b]*\u001b?)$/;

/**
 * Where the terminal control sequence begins that the end of `text` cuts; the length of `text` when it cuts none. Also
 * works on bytes read as latin1. Only the last `MAX_SEQUENCE_CHARS` are looked at, so it is quick however long the text is.
 */
export function cutSequenceAt(text: string): number {
  const from = Math.max(0, text.length - MAX_SEQUENCE_CHARS);
  const open = OPEN_SEQUENCE.exec(text.slice(from));
  return open ? from + open.index : text.length;
}
