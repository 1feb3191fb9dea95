import { describe, expect, it } from 'vitest';
import { HeadgateError } from '../../../src/core/errors.ts';
import { takesRun } from '../../../src/model/run-pattern.ts';
import { parseSelector, SELECTOR_CHARS, selectorInWords, unmetTerms } from '../../../src/model/selector.ts';

const gpu = { name: 'build-1', labels: ['gpu', 'eu'] };
const unmet = (text: string) => unmetTerms(parseSelector(text), gpu);

describe('{#runner_selector} a selector', () => {
  it('asks for names or labels, against them, and for one name', () => {
    for (const text of ['gpu', 'build-1', 'gpu,eu', 'gpu,!old', '!old', 'name:build-1', 'eu,name:build-1,!us'])
      expect(unmet(text), text).toEqual([]);
    expect(unmet('gpu,us')).toEqual(['us']);
    expect(unmet('!eu,gpu')).toEqual(['!eu']);
    expect(unmet('!build-1')).toEqual(['!build-1']);
    expect(unmet('name:gpu')).toEqual(['name:gpu']);
    expect(unmet('name:build-2,us')).toEqual(['name:build-2', 'us']);
  });

  it('is said in words', () => {
    expect(selectorInWords(parseSelector('gpu'))).toBe('a runner named or labelled "gpu"');
    expect(selectorInWords(parseSelector('gpu,eu,!old'))).toBe(
      'a runner named or labelled "gpu" and "eu", and not named or labelled "old"',
    );
    expect(selectorInWords(parseSelector('!old,!slow'))).toBe('a runner not named or labelled "old" or "slow"');
    expect(selectorInWords(parseSelector('name:b-1,gpu'))).toBe('runner "b-1", named or labelled "gpu"');
  });

  it('that is wrong is refused with what would be right', () => {
    const wrong = ['', ',', 'gpu,', 'gpu, eu', ' gpu', '!', '!!old', 'name:', 'name:!a', 'name:a,name:b', 'gpu,!gpu', 'name:a,!a'];
    wrong.push(
      'embedded,gpu',
      '!client',
      'name:embedded',
      'a:b',
      'gpü',
      'a'.repeat(65),
      Array.from({ length: 17 }, (_, n) => `l${n}`).join(','),
    );
    for (const text of wrong) {
      expect(() => parseSelector(text), text).toThrow(HeadgateError);
      expect(() => parseSelector(text), text).toThrow(/name:build-1 that runner alone/);
    }
    expect(() =>
      parseSelector(`name:${'n'.repeat(64)},${Array.from({ length: 15 }, (_, n) => `!${String(n).padEnd(64, 'l')}`).join(',')}`),
    ).not.toThrow();
    expect(SELECTOR_CHARS).toBeGreaterThanOrEqual(69 + 15 * 66);
  });

  it.each(['embedded', 'client'])('may be "%s" alone', (text) => expect(parseSelector(text)).toEqual({ all: [text], none: [] }));
});

describe('{#runner_owner} patterns of runs', () => {
  it('take in what they say, and none takes in everything', () => {
    const takes = (run: string, ...runs: string[]) => takesRun({ runs }, run);
    expect(takes('anything')).toBe(true);
    expect(takes('ci-12', 'nightly', 'ci-*')).toBe(true);
    expect(takes('ci', 'ci-*')).toBe(false);
    expect(takes('aci-1', 'ci-*')).toBe(false);
    expect(takes('ci-1x', 'ci-?')).toBe(false);
    expect(takes('ab-x-b', 'a*-b')).toBe(true);
    expect(takes(`${'a'.repeat(64)}`, `${'*a'.repeat(31)}*b`)).toBe(false);
  });
});
