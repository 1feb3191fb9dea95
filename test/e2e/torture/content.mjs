import { Random } from './random.mjs';

const BLOCK = 4096;
const HEAD = 16;
const PATTERN = 60 * 1092; // a multiple of 12, so that whole characters of 1 to 4 bytes fit
const LINE = 32;

/**
 * What a producer writes to one channel: a function of seed and offset, so any piece can be checked by itself and the first
 * byte that differs can be named. No two blocks are alike, so bytes lost, repeated or swapped never go unnoticed.
 *
 * Kinds: `binary` (every byte value, NUL included), `text` (lines of ASCII), `utf8` (characters of 1 to 4 bytes,
 * cut wherever a write ends), `lines` (32-byte lines that awk and sh can make as well).
 */
export class Content {
  #kind;
  #seed;
  #channel;
  #pattern;
  #tag;
  /** Its length in bytes. */
  bytes;

  constructor({ seed, channel, kind, bytes }) {
    this.bytes = bytes;
    this.#kind = kind;
    this.#seed = seed;
    this.#channel = channel;
    this.#tag = (seed % 0xffffff).toString(16).padStart(6, '0');
    if (kind !== 'lines') this.#pattern = patternOf(kind, new Random(`pattern/${seed}/${channel}`));
  }

  /** The bytes from `from` up to `to`. */
  slice(from, to) {
    const end = Math.min(to, this.bytes);
    if (end <= from) return Buffer.alloc(0);
    const size = this.#kind === 'lines' ? LINE : BLOCK;
    const first = Math.floor(from / size);
    const last = Math.floor((end - 1) / size);
    const whole = Buffer.allocUnsafe((last - first + 1) * size);
    for (let block = first; block <= last; block++) this.#write(whole, (block - first) * size, block);
    return whole.subarray(from - first * size, end - first * size);
  }

  /** The offset of the first byte of `got`, which begins at `offset`, that is wrong or beyond the end; -1 when none is. */
  firstDifference(offset, got) {
    const expected = this.slice(offset, offset + got.length);
    if (expected.equals(got)) return -1;
    for (let i = 0; i < got.length; i++) if (got[i] !== expected[i]) return offset + i;
    return offset + got.length;
  }

  #write(into, at, block) {
    if (this.#kind === 'lines') return void into.write(lineOf(this.#seed, this.#channel, block + 1), at, 'latin1');
    into.write(`#${this.#channel}${this.#tag}${block.toString(16).padStart(8, '0')}`, at, 'latin1');
    const slot = (Math.imul(block + 1, 0x9e3779b1) ^ this.#seed) >>> 0;
    const from = (slot % ((PATTERN - BLOCK) / 12)) * 12;
    this.#pattern.copy(into, at + HEAD, from, from + BLOCK - HEAD);
  }
}

/** Line `number` (from 1) of kind `lines`; the arithmetic stays within what every awk and sh can do. */
function lineOf(seed, channel, number) {
  return `${lineTag(seed, channel)} ${String(number).padStart(9, '0')} ${String((number * 7919 + seed) % 1000003).padStart(12, '0')}\n`;
}

/** The eight characters that each line of a channel begins with. */
export function lineTag(seed, channel) {
  return `L${String(seed % 100000).padStart(5, '0')}.${channel}`;
}

export const LINE_BYTES = LINE;

const CHARACTERS = ['a', ' ', '\n', 'z', 'é', 'ß', '\u0416', '\u2028', '€', '漢', '\ufffd', '😀', '𝄞', '\u{10ffff}'];

function patternOf(kind, random) {
  const pattern = Buffer.allocUnsafe(PATTERN);
  if (kind === 'utf8') {
    // Twelve bytes hold a whole number of characters of each length, so no block begins inside one.
    for (let at = 0; at < PATTERN; at += 12) {
      const length = random.int(1, 4);
      const fitting = CHARACTERS.filter((character) => Buffer.byteLength(character) === length);
      for (let i = 0; i < 12; i += length) pattern.write(random.pick(fitting), at + i);
    }
    return pattern;
  }
  for (let at = 0; at < PATTERN; at += 4) pattern.writeUInt32LE(random.next(), at);
  if (kind === 'text') for (let at = 0; at < PATTERN; at++) pattern[at] = pattern[at] < 4 ? 10 : 32 + (pattern[at] % 95);
  return pattern;
}
