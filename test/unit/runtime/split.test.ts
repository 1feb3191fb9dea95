import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { split } from '../../../src/runtime/loop/split.ts';
import { tokenCounter } from '../../../src/runtime/loop/tokens.ts';

const SOURCE = Buffer.from('first line\nsecond líne ✓\nthird\n\n\ud83d\ude00 fourth');
const read = ({ path, from, to }: { path: string; from: number; to: number }) => (path === 'a' ? SOURCE.subarray(from, to) : undefined);
const count = (text: string) => text.length;

describe('{#context_record} a text taken apart', () => {
  it('is made again from its pieces, whatever a plugin made of the ranges that it names', () => {
    const range = fc.record({ path: fc.constantFrom('a', 'gone'), from: fc.nat(60), to: fc.nat(60) });
    const quote = fc.tuple(fc.nat(SOURCE.length), fc.nat(SOURCE.length)).map(([a, b]) => SOURCE.subarray(a, b).toString('utf8'));
    const text = fc.array(fc.oneof(fc.string({ unit: 'binary' }), quote)).map((parts) => parts.join(''));
    fc.assert(
      fc.property(text, fc.array(range, { maxLength: 6 }), (shown, quoted) => {
        const pieces = split(shown, quoted, read, count);
        const again = pieces.map(({ form, from, to, text }) => (form === 'exact' ? SOURCE.subarray(from, to).toString('utf8') : text));
        expect(again.join('')).toBe(shown);
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
      count,
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

describe('{#context_budget} the counter of tokens', () => {
  it('counts as o200k does, about, and takes control tokens for text', async () => {
    const tokens = await tokenCounter();
    expect(tokens('hello world')).toBe(2);
    expect(tokens('<|endoftext|>')).toBeGreaterThan(1);
    const { countTokens } = await import('gpt-tokenizer/encoding/o200k_base');
    const prose = 'The quick brown fox jumps over the lazy dog; and again.\n'.repeat(200);
    expect(Math.abs(tokens(prose) - countTokens(prose)) / countTokens(prose)).toBeLessThan(0.02);
  });

  it('never fails, and never counts more tokens than there are bytes', async () => {
    const tokens = await tokenCounter();
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 500 }), { maxLength: 8 }), (parts) => {
        const text = parts.join('');
        const counted = tokens(text);
        expect(counted).toBeGreaterThanOrEqual(text === '' ? 0 : 1);
        expect(counted).toBeLessThanOrEqual(Math.max(1, Buffer.byteLength(text)));
      }),
    );
  });
});
