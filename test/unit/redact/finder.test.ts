import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Finder } from '../../../src/redact/finder.ts';

function found(literals: readonly Buffer[], bytes: Buffer): string[] {
  const places: string[] = [];
  new Finder(literals).each(bytes, (literal, at) => places.push(`${at} ${literals[literal]?.toString('latin1')}`));
  return places.sort();
}

function searched(literals: readonly Buffer[], bytes: Buffer): string[] {
  const places: string[] = [];
  for (const literal of literals) {
    for (let at = bytes.indexOf(literal); at >= 0; at = bytes.indexOf(literal, at + 1)) places.push(`${at} ${literal.toString('latin1')}`);
  }
  return places.sort();
}

const few = fc.uint8Array({ minLength: 3, maxLength: 9, max: 3 }).map((bytes) => Buffer.from(bytes));
const any = fc.uint8Array({ minLength: 3, maxLength: 40 }).map((bytes) => Buffer.from(bytes));

describe('{#redaction} the search for beginnings', () => {
  it('finds every literal wherever it is, and nothing else', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.oneof(few, any), { selector: (b) => b.toString('latin1'), maxLength: 40 }),
        fc.array(fc.oneof(few, any)),
        (literals, filling) => {
          const bytes = Buffer.concat(filling.flatMap((one, i) => [one, literals[i] ?? Buffer.alloc(0)]));
          expect(found(literals, bytes)).toEqual(searched(literals, bytes));
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('finds literals across the parts in which long output is looked at, and at its very end', () => {
    const literals = ['ghp_', 'PRIVATE KEY-----', 'a-value-of-a-variable'].map((text) => Buffer.from(text));
    for (let before = 64 * 1024 - 24; before <= 64 * 1024 + 2; before++) {
      const bytes = Buffer.alloc(200_000, 'x');
      for (const literal of literals) literal.copy(bytes, before + 3 * literals.indexOf(literal) * 64);
      literals[1]?.copy(bytes, bytes.length - 16);
      expect(found(literals, bytes)).toEqual(searched(literals, bytes));
    }
  });

  it('looks up no bytes of another search', () => {
    const one = new Finder([Buffer.from('abc')]);
    const other = new Finder([Buffer.from('xyz')]);
    const at: number[] = [];
    other.each(Buffer.from('abcxyz'), () => {});
    one.each(Buffer.from('__abc'), (_, place) => at.push(place));
    other.each(Buffer.from('_xy'), (_, place) => at.push(place));
    other.each(Buffer.from('__xyz'), (_, place) => at.push(place));
    expect(at).toEqual([2, 2]);
  });
});
