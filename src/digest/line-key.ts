/** Bytes of a line that tell it from others. */
const KEY_BYTES = 1024;
const DIGIT_0 = 48;
const DIGIT_9 = 57;
const SPACE = 32;

/**
 * A number for the template of a line, which is the line without its numbers: two lines that differ in nothing but numbers
 * have the same key, except that 0 differs from all others, as in "0 errors". 52 bits of hash, made without decoding the line.
 */
export function lineKey(bytes: Uint8Array, from: number, to: number): number {
  let end = to;
  while (end > from && (bytes[end - 1] ?? 0) <= SPACE) end--;
  end = Math.min(end, from + KEY_BYTES);
  let low = 0x811c9dc5;
  let high = 0x1b873593;
  for (let i = from; i < end; i++) {
    let byte = bytes[i] ?? 0;
    if (byte >= DIGIT_0 && byte <= DIGIT_9) {
      const first = i;
      while (i + 1 < end && isDigit(bytes[i + 1])) i++;
      byte = first === i && byte === DIGIT_0 ? DIGIT_0 : DIGIT_9;
    }
    low = Math.imul(low ^ byte, 0x01000193);
    high = Math.imul(high ^ byte, 0x5bd1e995) ^ (high >>> 15);
  }
  return (high >>> 12) * 2 ** 32 + (low >>> 0);
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= DIGIT_0 && byte <= DIGIT_9;
}
