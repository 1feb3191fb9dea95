import { stripVTControlCharacters } from 'node:util';

/** Characters of one line that are shown; the rest is counted. */
const MAX_LINE_CHARS = 500;

/**
 * One line of output as a terminal would leave it: escape sequences gone, and of what carriage returns overwrote the
 * last piece. Long lines are cut at a character, with the number of characters left out.
 */
export function terminalLine(raw: string): string {
  let text = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
  text = stripVTControlCharacters(text);
  const pieces = text.split('\r').filter((piece) => piece !== '');
  text = (pieces.at(-1) ?? '').replace(/[\u0000-\u0008\u000b-\u001f\u007f]/g, '');
  if (text.length <= MAX_LINE_CHARS) return text;
  const head = text.slice(0, MAX_LINE_CHARS).replace(/[\ud800-\udbff]$/, '');
  return `${head} [... ${text.length - head.length} more characters]`;
}
