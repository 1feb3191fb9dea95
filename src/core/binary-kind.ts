import { incompleteTail } from './utf8.ts';

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

const fatal = new TextDecoder('utf-8', { fatal: true });
const lenient = new TextDecoder();

/** The format of the first bytes of a channel if they are not text; undefined for text. */
export function binaryKind(head: Uint8Array): string | undefined {
  const hex = Array.from(head.subarray(0, 16), (byte) => byte.toString(16).padStart(2, '0')).join('');
  const known = KINDS.find(([prefix]) => hex.startsWith(prefix))?.[1];
  if (known) return known;
  const whole = head.subarray(0, head.length - incompleteTail(head));
  if (whole.includes(0)) return 'binary';
  try {
    fatal.decode(whole);
    return undefined;
  } catch {
    const bad = lenient.decode(whole).split('\ufffd').length - 1;
    return bad * 1000 > whole.length * BAD_PER_MILLE ? 'binary' : undefined;
  }
}
