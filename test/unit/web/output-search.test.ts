import { describe, expect, it } from 'vitest';
import { patternOf } from '../../../web/src/output/output-search.ts';

const finds = (text: string, line: string) => new RegExp(patternOf({ text, isPattern: false })).test(line);

describe('{#portal_output_search} what is looked for', () => {
  it('is the words as they stand, whatever their case', () => {
    expect(finds('error: a.b(c)*', 'x Error: A.b(C)* y')).toBe(true);
    expect(finds('a.b', 'aXb')).toBe(false);
    expect(finds('größe', 'GRÖSSE Größe')).toBe(true);
  });

  it('is exact when it has a capital', () => {
    expect(finds('Error', 'error')).toBe(false);
    expect(finds('Error', 'an Error')).toBe(true);
  });

  it('is a regular expression when it is said to be one', () => {
    expect(patternOf({ text: '^a.*b$', isPattern: true })).toBe('^a.*b$');
  });

  it('stays within what the server takes', () => {
    expect(patternOf({ text: 'a'.repeat(400), isPattern: false })).toHaveLength(400);
  });
});
