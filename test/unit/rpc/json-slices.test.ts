import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/core/clock.ts';
import { isLarge, slicedJson } from '../../../src/rpc/server/json-slices.ts';

const payer = { clock: systemClock, used: () => {} };
const MANY = 1024 * 1024;

async function parsed(value: unknown): Promise<unknown> {
  return JSON.parse(String(await slicedJson(value, 64 * MANY, payer)));
}

describe('{#no_pause} the text of a large response', () => {
  test('says what JSON.stringify says', async () => {
    const long = fc.stringMatching(/^[a-z"\\\n ü€😀\0]{1,9}$/u).map((text) => text.repeat(40_000));
    const values = fc.array(fc.oneof(fc.jsonValue(), long, fc.dictionary(fc.string(), fc.oneof(long, fc.jsonValue()), { maxKeys: 4 })), {
      maxLength: 6,
    });
    await fc.assert(
      fc.asyncProperty(values, async (value) => {
        expect(await parsed(value)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
      { numRuns: 60 },
    );
  });

  test('leaves out members without a value, also among long ones', async () => {
    const value = { none: undefined, a: 'x'.repeat(MANY), last: undefined };
    expect(await parsed([value, {}, [], undefined])).toEqual([{ a: value.a }, {}, [], null]);
  });

  test('is not made when it is over the limit', async () => {
    expect(await slicedJson({ a: 'x'.repeat(2 * MANY) }, MANY, payer)).toBeUndefined();
    expect(await slicedJson({ a: '€'.repeat(MANY) }, 2 * MANY, payer)).toBeUndefined();
  });

  test('is made in slices that somebody pays for, one text after the other', async () => {
    let paidMs = 0;
    let turns = 0;
    const counted = { clock: systemClock, used: (ms: number) => (paidMs += ms) };
    const rows = Array.from({ length: 20_000 }, (_, row) => ({ row, name: `row ${row}`, body: 'x'.repeat(500) }));
    let done = false;
    const count = () => {
      turns += 1;
      if (!done) setImmediate(count);
    };
    count();
    const all = await Promise.all([1, 2, 3].map(() => slicedJson(rows, 64 * MANY, counted)));
    done = true;
    expect(all.map((text) => text?.length)).toEqual(all.map(() => Buffer.byteLength(JSON.stringify(rows))));
    expect(turns).toBeGreaterThan(5);
    expect(paidMs).toBeGreaterThan(4);
  });

  test('is told from that of a small one by the lengths of strings and the number of values', () => {
    expect(isLarge({ chunk: 'x'.repeat(100_000) })).toBe(false);
    expect(isLarge({ chunk: 'x'.repeat(MANY) })).toBe(true);
    expect(isLarge({ rows: Array.from({ length: 50_000 }, () => ({ a: 1 })) })).toBe(true);
  });
});
