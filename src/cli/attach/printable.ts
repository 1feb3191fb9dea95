/**
 * Characters that a terminal does not show but acts on: controls, those that turn the direction of writing, and those that join or
 * hide others, so that every terminal agrees on how wide a row is.
 */
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

/** A row of a command's output without them. */
export function printable(row: string): string {
  return row.replace(UNPRINTABLE, '');
}
