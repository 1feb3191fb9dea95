import { stripVTControlCharacters } from 'node:util';

/** Characters that neither print nor move to another line or column that matters. */
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f]/g;

/** Output as text: escape sequences gone, of what carriage returns overwrote in a line the last piece, no control characters but tab and LF. */
export function plainText(bytes: Buffer): string {
  return withoutOverwritten(stripVTControlCharacters(bytes.toString('utf8'))).replace(CONTROL, '');
}

/** Of what carriage returns overwrote in a line the last piece. */
export function withoutOverwritten(text: string): string {
  return text
    .split('\n')
    .map((line) => line.split('\r').findLast((piece) => piece !== '') ?? '')
    .join('\n');
}
