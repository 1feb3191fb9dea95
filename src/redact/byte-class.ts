import { MASK_BYTE } from '../core/masked.ts';

/** A set of bytes: 1 at the index of each. */
export type ByteClass = Uint8Array;

/**
 * The bytes of a set as regular expressions write it, such as `A-Za-z0-9_-`; `^` in front takes all others. Throws a
 * SyntaxError for an invalid one.
 */
export function byteClass(set: string): ByteClass {
  const expression = new RegExp(`^[${set}]$`);
  const table = new Uint8Array(256);
  for (let byte = 0; byte < 256; byte++) if (expression.test(String.fromCharCode(byte))) table[byte] = 1;
  // It belongs to every class, so that what was masked once is masked in the same way again.
  table[MASK_BYTE] = 1;
  return table;
}
