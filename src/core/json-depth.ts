/**
 * True when arrays and objects in this JSON text are nested deeper than `limit`. Looks at bytes only, skips strings by
 * searching for their end, and stops at the first excess; text that is not JSON is left to the parser.
 */
export function nestedDeeper(json: Buffer, limit: number): boolean {
  let depth = 0;
  for (let i = 0; i < json.length; i++) {
    const byte = json[i];
    if (byte === 0x22) {
      i = endOfString(json, i + 1);
      if (i < 0) return false;
    } else if (byte === 0x5b || byte === 0x7b) {
      if (++depth > limit) return true;
    } else if (byte === 0x5d || byte === 0x7d) {
      depth--;
    }
  }
  return false;
}

/** Index of the quote that ends the string whose first character is at `from`; -1 when it does not end. */
function endOfString(json: Buffer, from: number): number {
  for (let quote = json.indexOf(0x22, from); quote >= 0; quote = json.indexOf(0x22, quote + 1)) {
    let backslashes = 0;
    while (quote - 1 - backslashes >= from && json[quote - 1 - backslashes] === 0x5c) backslashes++;
    if (backslashes % 2 === 0) return quote;
  }
  return -1;
}
