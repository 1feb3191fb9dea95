import { describe, expect, it } from 'vitest';
import { CARRIAGE_HEADER_BYTES, readCarriageHeader, writeCarriageHeader } from '../../../src/rpc/protocol/carriage.ts';

describe('{#runner_output} the header of a frame', () => {
  it('is handle, channel and offset, big-endian, at the place asked for', () => {
    const frame = Buffer.alloc(CARRIAGE_HEADER_BYTES + 3);
    writeCarriageHeader(frame, 2, { handle: 0x01020304, channel: 2, offset: 0x1_0000_0005 });
    expect(frame.toString('hex')).toBe('000001020304020000000100000005' + '00');
    expect(readCarriageHeader(frame.subarray(2))).toEqual({ handle: 0x01020304, channel: 2, offset: 0x1_0000_0005 });
  });

  it('carries the largest handle and the largest offset that a number holds', () => {
    const largest = { handle: 0xffffffff, channel: 99, offset: Number.MAX_SAFE_INTEGER };
    const frame = Buffer.alloc(CARRIAGE_HEADER_BYTES);
    writeCarriageHeader(frame, 0, largest);
    expect(frame.toString('hex')).toBe('ffffffff63001fffffffffffff');
    expect(readCarriageHeader(frame)).toEqual(largest);
  });

  it('is not read from fewer bytes than it has', () => {
    expect(() => readCarriageHeader(Buffer.alloc(CARRIAGE_HEADER_BYTES - 1))).toThrow(RangeError);
  });
});
