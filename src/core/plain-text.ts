import { stripVTControlCharacters } from 'node:util';

/** Characters that neither print nor move to another line or column that matters. */
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f]/g;

/** Output as text: escape sequences gone, of what carriage returns overwrote in a line the last piece, no control characters but tab and LF. */
export function plainText(bytes: Buffer): string {
  return stripVTControlCharacters(bytes.toString('utf8'))
    .split('\n')
    .map((line) => (line.split('\r').findLast((piece) => piece !== '') ?? '').replace(CONTROL, ''))
    .join('\n');
}
