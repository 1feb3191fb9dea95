import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { freeNumber } from '../../../src/core/free-number.ts';

describe('{#no_pause} the number behind a name that is taken', () => {
  it('is free, follows one that is taken, is the first free one where there is no gap, and costs few questions', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1_000_000 }), fc.uniqueArray(fc.integer({ min: 1, max: 1000 })), (upTo, gaps) => {
        let asked = 0;
        const isTaken = (number: number) => number <= upTo && !gaps.includes(number);
        const free = freeNumber((number) => {
          asked += 1;
          return isTaken(number);
        });
        expect(isTaken(free)).toBe(false);
        expect(free === 1 || isTaken(free - 1)).toBe(true);
        if (gaps.length === 0) expect(free).toBe(upTo + 1);
        expect(asked).toBeLessThanOrEqual(2 * Math.ceil(Math.log2(upTo + 2)) + 1);
      }),
    );
  });
});
