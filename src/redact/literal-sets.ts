/** Length of a print: the bytes of a literal by which its possible places are found. */
export const PRINT_BYTES = 3;
/** How many sets of prints there are: each set has one bit of a byte. */
const SETS = 8;
const HALF = 16;
/** Length of the tables: for each byte of a print the sets by the byte's low half, then the sets by its high half. */
export const TABLES_BYTES = PRINT_BYTES * 2 * HALF;

/** The bytes that are common in output, the most common first; a byte that is in none of these is rarer. */
const COMMON = ['\n\t aeinorst', 'bcdfghjklmpquvwxyz0123456789', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', './=:-_"'];
const WEIGHTS = Array.from({ length: 256 }, (_, byte) => (byte < 128 ? COMMON.length + 1 - rarityOf(byte) : 0.5));

/**
 * Where the rarest three bytes of a literal are, the first place of equal ones. Three equal bytes count as the most common, because output
 * has lines of one character.
 */
export function printAt(literal: Uint8Array): number {
  let best = 0;
  for (let at = 1; at + PRINT_BYTES <= literal.length; at++) if (rarity(literal, at) > rarity(literal, best)) best = at;
  return best;
}

/** The tables for prints of three bytes each: similar prints share a set, so that the set matches few other bytes. */
export function literalSets(prints: readonly Uint8Array[]): Uint8Array {
  const tables = new Uint8Array(TABLES_BYTES);
  for (const print of prints) {
    let least = Number.POSITIVE_INFINITY;
    let best = 1;
    for (let set = 0; set < SETS; set++) {
      const more = weight(tables, 1 << set, print) - weight(tables, 1 << set);
      if (more < least) [least, best] = [more, 1 << set];
    }
    for (const [i, byte] of print.entries()) {
      for (const at of halves(i, byte)) tables[at] = (tables[at] ?? 0) | best;
    }
  }
  return tables;
}

/** An estimate of how often a set matches in ordinary output, with `print` added to the set. */
function weight(tables: Uint8Array, set: number, print?: Uint8Array): number {
  let product = 1;
  for (let i = 0; i < PRINT_BYTES; i++) {
    const [ownLow, ownHigh] = print ? halves(i, print[i] ?? 0) : [-1, -1];
    const table = i * 2 * HALF;
    const has = (at: number) => at === ownLow || at === ownHigh || ((tables[at] ?? 0) & set) !== 0;
    let sum = 0;
    for (let high = 0; high < HALF; high++) {
      if (!has(table + HALF + high)) continue;
      for (let low = 0; low < HALF; low++) if (has(table + low)) sum += WEIGHTS[(high << 4) | low] ?? 0;
    }
    product *= sum;
  }
  return product;
}

function halves(i: number, byte: number): [number, number] {
  const table = i * 2 * HALF;
  return [table + (byte & 15), table + HALF + (byte >> 4)];
}

function rarity(literal: Uint8Array, at: number): number {
  const print = literal.subarray(at, at + PRINT_BYTES);
  return print.every((byte) => byte === print[0]) ? -1 : print.reduce((sum, byte) => sum + rarityOf(byte), 0);
}

function rarityOf(byte: number): number {
  const level = COMMON.findIndex((characters) => characters.includes(String.fromCharCode(byte)));
  return level < 0 ? COMMON.length : level;
}
