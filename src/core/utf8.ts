/**
 * UTF-8 boundaries (RFC 3629). Chunks are stored as sent; readers get whole characters.
 */

/**
 * How many bytes at the end of `bytes` are the beginning of a character whose rest has not come yet (0 to 3).
 * Bytes that can never become a character are not held back.
 */
export function incompleteTail(bytes: Uint8Array): number {
  const end = bytes.length;
  const reach = Math.min(3, end);
  for (let back = 1; back <= reach; back++) {
    const byte = bytes[end - back] ?? 0;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) return sequenceLength(byte) > back ? back : 0;
  }
  return 0;
}

/** How many bytes at the beginning of `bytes` belong to a character begun before (0 to 3). */
export function continuationBytes(bytes: Uint8Array): number {
  let count = 0;
  while (count < 3 && ((bytes[count] ?? 0) & 0xc0) === 0x80) count++;
  return count;
}

/** Bytes of the character that `lead` begins; 1 for a byte that begins none. */
function sequenceLength(lead: number): number {
  if (lead >= 0xc2 && lead <= 0xdf) return 2;
  if (lead >= 0xe0 && lead <= 0xef) return 3;
  if (lead >= 0xf0 && lead <= 0xf4) return 4;
  return 1;
}
