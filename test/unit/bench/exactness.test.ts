import { describe, expect, it } from 'vitest';
import { BLOCK_BYTES, checker, newBlock, renumber } from '../../../bench/lib/block.mjs';
import { Tally } from '../../../bench/lib/tallies.mjs';
import { binaryChunk } from '../../../bench/lib/wire.mjs';

describe('the numbered blocks of the memory case', () => {
  const block = newBlock();
  const output = Buffer.concat(
    [0, 1, 2].map((number) => {
      renumber(block, number);
      return Buffer.from(block);
    }),
  );

  it('are recognised in pieces of any size', () => {
    const check = checker();
    for (let at = 0; at < output.length; at += 50_001) check(output.subarray(at, at + 50_001), at);
  });

  it("show a byte that is wrong, and a block in another one's place", () => {
    const broken = Buffer.from(output);
    broken[BLOCK_BYTES + 100]! ^= 1;
    expect(() => checker()(broken, 0)).toThrow(/wrong bytes between 65536 and/);
    expect(() => checker()(output.subarray(BLOCK_BYTES), 0)).toThrow(/wrong bytes between 0 and/);
  });
});

describe('the tally of many producers', () => {
  it('counts lines cut anywhere, and each one that is lost, repeated or out of order', () => {
    const tally = new Tally();
    const now = process.hrtime.bigint();
    tally.take('a', `ready 1\n1 0 ${now}\n1 `);
    tally.take('b', `2 0 ${now}\n`);
    tally.take('a', `1 ${now}\n1 3 ${now}\n1 3 ${now}\n`);
    expect(tally).toMatchObject({ ready: 1, received: 5, outOfOrder: 2 });
  });
});

it('a binary message is taken apart: handle, channel, offset beyond 32 bits, bytes', () => {
  const message = Buffer.alloc(15);
  message.writeUInt32BE(7, 0);
  message.writeUInt8(2, 4);
  message.writeBigUInt64BE(10_000_000_000n, 5);
  message.write('ok', 13);
  const { bytes, ...head } = binaryChunk(message);
  expect(head).toEqual({ handle: 7, channel: 2, offset: 10_000_000_000 });
  expect(String(bytes)).toBe('ok');
});
