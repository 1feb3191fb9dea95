/** Bytes of one block of the soak's output. */
export const BLOCK_BYTES = 64 * 1024;
const NUMBER_DIGITS = 15;

/** A block whose bytes are known from its number alone, so that any piece can be checked by its offset. ASCII, lines of 64. */
export function newBlock() {
  const block = Buffer.alloc(BLOCK_BYTES, 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-\n');
  block.write('\n', NUMBER_DIGITS);
  return block;
}

/** Makes it the block with that number. */
export function renumber(block, number) {
  block.write(String(number).padStart(NUMBER_DIGITS, '0'), 0, 'latin1');
}

/** Throws when `bytes` are not what the output has at `offset`. */
export function checker() {
  const block = newBlock();
  let number = -1;
  return (bytes, offset) => {
    for (let from = 0; from < bytes.length; ) {
      const at = offset + from;
      const wanted = Math.floor(at / BLOCK_BYTES);
      if (wanted !== number) renumber(block, (number = wanted));
      const start = at - wanted * BLOCK_BYTES;
      const length = Math.min(BLOCK_BYTES - start, bytes.length - from);
      if (block.compare(bytes, from, from + length, start, start + length) !== 0)
        throw new Error(`wrong bytes between ${at} and ${at + length}`);
      from += length;
    }
  };
}
