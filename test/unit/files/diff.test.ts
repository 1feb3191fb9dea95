import { applyPatch } from 'diff';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { unifiedDiff } from '../../../src/files/diff.ts';

const text = fc
  .array(fc.constantFrom('', 'a', 'b', 'c', 'long line', '-x', '+x', '\\ x'), { maxLength: 30 })
  .chain((lines) => fc.constantFrom(lines.join('\n'), lines.map((line) => `${line}\n`).join('')));

describe('{#file_edits} the diff of a change', () => {
  it('makes the new text out of the old one, wherever it lies in a file and whatever its ends are', () => {
    const around = fc.array(fc.constantFrom('same', 'other'), { maxLength: 12 }).map((lines) => lines.map((line) => `${line}\n`).join(''));
    fc.assert(
      fc.property(around, text, text, around, (head, old, now, tail) => {
        const [before, after] = [head + old + tail, head + now + tail];
        const { diff, added, removed } = unifiedDiff('f', before, after);
        expect(applyPatch(before, diff)).toBe(after);
        const body = diff.split('\n').slice(2);
        expect([added, removed]).toEqual(['+', '-'].map((sign) => body.filter((line) => line.startsWith(sign)).length));
      }),
      { numRuns: 2000 },
    );
  });

  it('of texts that have little in common takes the old lines away and brings the new ones', () => {
    const lines = (name: string) => Array.from({ length: 1500 }, (_, at) => `${name} ${at}\n`).join('');
    const [before, after] = [`first\n${lines('old')}last\n`, `first\n${lines('new')}last\n`];
    const { diff, added, removed } = unifiedDiff('f', before, after);
    expect({ added, removed, text: applyPatch(before, diff) }).toEqual({ added: 1500, removed: 1500, text: after });
  });

  it.each([
    ['lines', '*\n'.repeat(1_000_000), 1_000_000],
    ['one line', 'x'.repeat(2_000_000), 1],
  ])('of a large file that goes, %s, is made soon and says how much of it is left out', (_, before, removed) => {
    const begin = process.cpuUsage();
    const { diff, ...counts } = unifiedDiff('f', before, undefined);
    const { user, system } = process.cpuUsage(begin);
    expect(counts).toEqual({ added: 0, removed });
    const lines = diff.split('\n');
    expect(lines.slice(0, 3)).toEqual(['--- a/f', '+++ /dev/null', `@@ -1,${removed} +0,0 @@`]);
    expect(lines.slice(-2)).toEqual([`[${removed - (lines.length - 5)} more lines of this diff are left out]`, '']);
    // It took a second.
    expect((user + system) / 1000).toBeLessThan(300);
  });
});
