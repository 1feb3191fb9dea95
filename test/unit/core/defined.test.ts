import { describe, expect, it } from 'vitest';
import { defined } from '../../../src/core/defined.ts';

describe('members that are defined', () => {
  it('are kept with null, false, 0 and the empty text, and the others are not there at all', () => {
    const found = defined({ a: undefined, b: null, c: false, d: 0, e: '', f: undefined as string | undefined });
    expect(Object.entries(found)).toEqual([
      ['b', null],
      ['c', false],
      ['d', 0],
      ['e', ''],
    ]);
  });
});
