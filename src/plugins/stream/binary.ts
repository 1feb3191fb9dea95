import { isUtf8 } from 'node:buffer';
import { incompleteTail } from '../../core/utf8.ts';

/** First bytes of common formats, in hexadecimal. */
const KINDS: readonly (readonly [prefix: string, kind: string])[] = [
  ['1f8b', 'gzip'],
  ['89504e47', 'a PNG image'],
  ['ffd8ff', 'a JPEG image'],
  ['47494638', 'a GIF image'],
  ['25504446', 'a PDF document'],
  ['504b0304', 'a ZIP archive'],
  ['7f454c46', 'an ELF program'],
  ['fd377a585a00', 'xz'],
  ['28b52ffd', 'zstd'],
  ['425a68', 'bzip2'],
  ['53514c69746520', 'a SQLite database'],
];
/** Bad characters among a thousand that still count as text in some other encoding. */
const BAD_PER_MILLE = 100;

/** What the first bytes of a channel are when they are no text; undefined for text. */
export function binaryKind(head: Buffer): string | undefined {
  const hex = head.subarray(0, 16).toString('hex');
  const known = KINDS.find(([prefix]) => hex.startsWith(prefix))?.[1];
  if (known) return known;
  const whole = head.subarray(0, head.length - incompleteTail(head));
  if (whole.includes(0)) return 'binary';
  if (isUtf8(whole)) return undefined;
  const bad = whole.toString('utf8').split('\ufffd').length - 1;
  return bad * 1000 > whole.length * BAD_PER_MILLE ? 'binary' : undefined;
}
