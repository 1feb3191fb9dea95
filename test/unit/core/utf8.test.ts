import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { continuationBytes, incompleteTail } from '../../../src/core/utf8.ts';

describe('incompleteTail', () => {
  it('holds back exactly the unfinished character at any cut of a text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 50 }), fc.nat(200), (text, at) => {
        const bytes = Buffer.from(text);
        const cut = bytes.subarray(0, Math.min(at, bytes.length));
        const whole = cut.subarray(0, cut.length - incompleteTail(cut));
        expect(bytes.toString('utf8').startsWith(whole.toString('utf8'))).toBe(true);
        expect(cut.length - whole.length).toBeLessThan(4);
      }),
    );
  });

  it('holds back nothing of bytes that can never become a character', () => {
    for (const bytes of [[0x80], [0xff], [0x41, 0xbf, 0xbf], [0xc0], [0xf8]]) expect(incompleteTail(Buffer.from(bytes))).toBe(0);
  });
});

describe('continuationBytes', () => {
  it('skips exactly the rest of a character at any cut of a text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 50 }), fc.nat(200), (text, at) => {
        const bytes = Buffer.from(text);
        const cut = bytes.subarray(Math.min(at, bytes.length));
        const whole = cut.subarray(continuationBytes(cut));
        expect(bytes.toString('utf8').endsWith(whole.toString('utf8'))).toBe(true);
        expect(cut.length - whole.length).toBeLessThan(4);
      }),
    );
  });
});
