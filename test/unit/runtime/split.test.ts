import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { split } from '../../../src/runtime/loop/split.ts';

const SOURCE = Buffer.from('first line\nsecond líne ✓\nthird\n\n\ud83d\ude00 fourth');
const read = ({ path, from, to }: { path: string; from: number; to: number }) => (path === 'a' ? SOURCE.subarray(from, to) : undefined);

describe('{#context_record} a text taken apart', () => {
  it('is made again from its pieces, whatever a plugin made of the ranges that it names', () => {
    const range = fc.record({ path: fc.constantFrom('a', 'gone'), from: fc.nat(60), to: fc.nat(60) });
    const quote = fc.tuple(fc.nat(SOURCE.length), fc.nat(SOURCE.length)).map(([a, b]) => SOURCE.subarray(a, b).toString('utf8'));
    const text = fc.array(fc.oneof(fc.string({ unit: 'binary' }), quote)).map((parts) => parts.join(''));
    fc.assert(
      fc.property(text, fc.array(range, { maxLength: 6 }), (shown, quoted) => {
        const pieces = split(shown, quoted, read);
        const again = pieces.map(({ form, from, to, text }) => (form === 'exact' ? SOURCE.subarray(from, to).toString('utf8') : text));
        expect(again.join('')).toBe(shown);
        expect(pieces.map((piece) => piece.shown).join('')).toBe(shown);
        const named = pieces.filter(({ path }) => path !== null).map(({ path, from }) => ({ path, from }));
        expect(named).toEqual(quoted.map(({ path, from }) => ({ path, from })));
      }),
    );
  });

  it('names what is quoted as it is, without keeping it again', () => {
    const pieces = split(
      'label: first line\nsecond líne ✓ [more]',
      [
        { path: 'a', from: 0, to: 11 },
        { path: 'a', from: 11, to: 28 },
      ],
      read,
    );
    expect(pieces.map(({ form, text }) => [form, text])).toEqual([
      ['literal', 'label: '],
      ['exact', undefined],
      ['exact', undefined],
      ['literal', ' [more]'],
    ]);
    // The line end of the last range is not shown, so it is not named.
    expect(pieces[2]).toMatchObject({ from: 11, to: 27 });
  });
});
