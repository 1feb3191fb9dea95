import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { countLines, ESCAPE_MAX_BYTES, escapeJson } from '../../../src/core/bytes.ts';

/** Bytes that JSON escapes, beside others, at every distance from the edges of a block of 16. */
const bytes = fc
  .array(fc.oneof(fc.constantFrom(10, 0x22, 0x5c, 0, 0x1f), fc.integer({ min: 0, max: 255 }), fc.constant(0x61)), { maxLength: 600 })
  .map((values) => Buffer.from(values));

describe('countLines', () => {
  it('counts LF bytes, in input of any length', () => {
    fc.assert(
      fc.property(bytes, (input) => {
        expect(countLines(input)).toBe(input.filter((byte) => byte === 10).length);
      }),
    );
    expect(countLines(Buffer.from('a\n\r\nb'))).toBe(2);
    expect(countLines(Buffer.alloc(3 * ESCAPE_MAX_BYTES + 5, '\n'))).toBe(3 * ESCAPE_MAX_BYTES + 5);
  });
});

describe('escapeJson', () => {
  it('gives what JSON.stringify gives, byte for byte', () => {
    fc.assert(
      fc.property(bytes, (input) => {
        expect(Buffer.from(escapeJson(input)).toString('latin1')).toBe(JSON.stringify(input.toString('latin1')).slice(1, -1));
      }),
    );
  });

  it('escapes the longest input of nothing but control characters', () => {
    expect(escapeJson(Buffer.alloc(ESCAPE_MAX_BYTES, 1)).length).toBe(ESCAPE_MAX_BYTES * 6);
    expect(() => escapeJson(Buffer.alloc(ESCAPE_MAX_BYTES + 1))).toThrow(RangeError);
  });
});
