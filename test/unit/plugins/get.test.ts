import { describe, expect, it } from 'vitest';
import { linePattern } from '../../../src/core/line-pattern.ts';
import { containing, matching, readLines, searchLines } from '../../../src/plugins/get/lines.ts';
import { textSource } from '../../../src/plugins/get/source.ts';

const source = (text: string) => textSource('known://t', text);
const numbered = (count: number) => Array.from({ length: count }, (_, index) => `line ${index + 1}\n`).join('');

describe('{#tool_get} reading with get', () => {
  it('answers a short text whole, and says which lines of a longer one it answers and how to go on', () => {
    expect(readLines(source('a\nb\n'), 1, 200)).toBe('a\nb');
    expect(readLines(source(numbered(500)), 1, 2)).toBe(
      '[known://t: lines 1 to 2 of 500; go on with {"path": "known://t", "line": 3}]\nline 1\nline 2',
    );
  });

  it('counts a negative line from the end', () => {
    expect(readLines(source(numbered(500)), -2, 200)).toBe('[known://t: lines 499 to 500 of 500]\nline 499\nline 500');
    expect(readLines(source('a\nb'), -99, 200)).toBe('a\nb');
  });

  it('says that there is nothing, or no such line', () => {
    expect(readLines(source(''), 1, 200)).toBe('[known://t is empty]');
    expect(readLines(source('a\n'), 7, 200)).toBe('[known://t has 1 lines; there is no line 7]');
  });

  it('is bounded in bytes, ends with a whole line, and names a line that is cut', () => {
    const text = readLines(source(`${'x'.repeat(1000)}\n`.repeat(100)), 1, 2000);
    expect(text.length).toBeLessThan(34_000);
    expect(text).toMatch(/lines 1 to 32 of 100; go on with/);
    expect(readLines(source(`${'é'.repeat(40_000)}\nb\n`), 1, 2000)).toMatch(
      /line 1 is cut after 32768 of its bytes; go on with .*"line": 2/,
    );
  });

  it('finds lines that contain a text, with their numbers', async () => {
    const found = (text: string, match: string, limit: number) => searchLines(source(text), containing(match), 1, limit);
    expect((await found(numbered(30), 'line 2', 200)).split('\n')).toHaveLength(12);
    expect(await found(numbered(30), 'line 2', 2)).toBe(
      '[known://t: 2 of lines 1 to 20 contain "line 2"; lines 21 to 30 are not searched, go on with "line": 21]\n2: line 2\n20: line 20',
    );
    expect(await found('no end', 'end', 5)).toContain('1: no end');
    expect(await found(numbered(3), 'absent', 5)).toBe('[known://t: 0 of lines 1 to 3 contain "absent"]');
  });

  it('finds a line wherever it is in a large source, by text and by pattern, with the number that reading it has', async () => {
    const text = `${numbered(300_000)}needle ${'é'.repeat(300_000)} here\n${numbered(200_000)}last needle`;
    for (const test of [containing('needle'), matching(linePattern('^(?:last )?needle', 'pattern'))]) {
      const [head, first, last] = (await searchLines(source(text), test, 1, 10)).split('\n');
      expect(head).toMatch(/2 of lines 1 to 500002 /);
      expect(first).toMatch(/^300001: needle é+ \.\.\.$/);
      expect(last).toBe('500002: last needle');
    }
    expect(readLines(source(text), 500_002, 1)).toContain('last needle');
    expect(await searchLines(source(text), matching(linePattern('needle$', 'pattern')), -3, 10)).toContain('1 of lines 500000 to 500002');
  });

  it('takes no pattern that could run for ever', () => {
    for (const pattern of ['(x+x+){17}y', '(?=a)b', '(a)\\1']) {
      expect(() => linePattern(pattern, 'pattern')).toThrow(expect.objectContaining({ kind: 'invalid_params' }));
    }
    expect(() => linePattern('(', 'pattern')).toThrow(/pattern is no regular expression/);
    const line = 'x'.repeat(4000);
    expect(linePattern('(x+x+)+y', 'pattern').test(line)).toBe(false);
  });
});
