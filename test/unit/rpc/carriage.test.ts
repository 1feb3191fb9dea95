import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CARRIAGE_HEADER_BYTES, readCarriageHeader, writeCarriageHeader } from '../../../src/rpc/protocol/carriage.ts';

describe('{#raw_carriage} {#runner_output} the header of a frame', () => {
  it.each([
    [{ handle: 1, channel: 2, offset: 258 }, '00000001020000000000000102'],
    [{ handle: 2 ** 32 - 1, channel: 255, offset: 2 ** 53 - 1 }, 'ffffffffff001fffffffffffff'],
    [{ handle: 0, channel: 0, offset: 0 }, '00000000000000000000000000'],
    [{ handle: 7, channel: 1, offset: 2 ** 32 }, '00000007010000000100000000'],
  ])('of %o is %s', (header, hex) => {
    const buffer = Buffer.alloc(CARRIAGE_HEADER_BYTES + 2, 0xaa);
    writeCarriageHeader(buffer, 1, header);
    expect(buffer.toString('hex')).toBe(`aa${hex}aa`);
    expect(readCarriageHeader(buffer.subarray(1))).toEqual(header);
  });

  it('reads back as written, whatever it says', () => {
    const word = fc.integer({ min: 0, max: 2 ** 32 - 1 });
    fc.assert(
      fc.property(word, fc.integer({ min: 0, max: 255 }), fc.maxSafeNat(), (handle, channel, offset) => {
        const buffer = Buffer.alloc(CARRIAGE_HEADER_BYTES);
        writeCarriageHeader(buffer, 0, { handle, channel, offset });
        expect(readCarriageHeader(buffer)).toEqual({ handle, channel, offset });
      }),
    );
  });

  it('is refused when it is cut short or its offset is no safe integer', () => {
    expect(() => readCarriageHeader(Buffer.alloc(12))).toThrow(/at least 13 bytes; this one has 12/);
    expect(() => readCarriageHeader(Buffer.from('0000000001ffffffffffffffff', 'hex'))).toThrow(/beyond/);
  });
});
