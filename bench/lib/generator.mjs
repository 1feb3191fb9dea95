// Writes that many bytes of numbered blocks (block.mjs) to standard output, as fast as it takes them.
import { writeSync } from 'node:fs';
import { BLOCK_BYTES, newBlock, renumber } from './block.mjs';

const total = Number(process.argv[2]);
const block = newBlock();
for (let written = 0, number = 0; written < total; number++) {
  renumber(block, number);
  const end = Math.min(BLOCK_BYTES, total - written);
  for (let from = 0; from < end; ) from += writeSync(1, block, from, end - from);
  written += end;
}
