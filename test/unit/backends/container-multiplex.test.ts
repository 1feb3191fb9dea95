import { Readable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Demultiplexer, outputOf } from '../../../src/backends/container/engine/multiplex.ts';

function frame(stream: number, bytes: Uint8Array): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt8(stream, 0);
  header.writeUInt32BE(bytes.length, 4);
  return Buffer.concat([header, bytes]);
}

describe("{#backend_container} an engine's multiplexed stream", () => {
  test('the 8-byte multiplex header split across reads: output and errors are whole, however the stream is cut', async () => {
    const frames = fc.array(fc.record({ stream: fc.constantFrom(1, 2), bytes: fc.uint8Array({ maxLength: 40 }) }), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(frames, fc.array(fc.integer({ min: 1, max: 13 }), { minLength: 1, maxLength: 50 }), async (sent, sizes) => {
        const whole = Buffer.concat(sent.map(({ stream, bytes }) => frame(stream, bytes)));
        const reads: Buffer[] = [];
        for (let at = 0, i = 0; at < whole.length; i++) {
          const size = sizes[i % sizes.length] ?? 1;
          reads.push(whole.subarray(at, at + size));
          at += size;
        }
        const got: Record<number, Buffer[]> = { 1: [], 2: [] };
        for await (const { channel, bytes } of outputOf(Readable.from(reads), false)) got[channel]?.push(bytes);
        for (const channel of [1, 2]) {
          const expected = Buffer.concat(sent.filter(({ stream }) => stream === channel).map(({ bytes }) => bytes));
          expect(Buffer.concat(got[channel] ?? [])).toEqual(expected);
        }
      }),
    );
  });

  test('is refused when it is none', () => {
    expect(() => [...new Demultiplexer().push(Buffer.from('plain output'))]).toThrow(/stream/);
  });

  test('of a terminal is taken as it is', async () => {
    const pieces: Buffer[] = [];
    for await (const { bytes } of outputOf(Readable.from([Buffer.from('a\r\n'), Buffer.from('b')]), true)) pieces.push(bytes);
    expect(Buffer.concat(pieces).toString()).toBe('a\r\nb');
  });
});
