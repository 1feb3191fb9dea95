import { describe, expect, it } from 'vitest';
import { readLines, searchLines } from '../../../src/plugins/get/lines.ts';
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

  it('finds lines that contain a text, with their numbers', () => {
    expect(searchLines(source(numbered(30)), 'line 2', 1, 200).split('\n')).toHaveLength(12);
    expect(searchLines(source(numbered(30)), 'line 2', 1, 2)).toBe(
      '[known://t: 2 of lines 1 to 20 contain "line 2"; lines 21 to 30 are not searched, go on with "line": 21]\n2: line 2\n20: line 20',
    );
    expect(searchLines(source('no end'), 'end', 1, 5)).toContain('1: no end');
    expect(searchLines(source(numbered(3)), 'absent', 1, 5)).toBe('[known://t: 0 of lines 1 to 3 contain "absent"]');
  });
});
