import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pathMatcher } from '../../../src/runtime/index.ts';
import { patternPrefix } from '../../../src/runtime/path-pattern.ts';

describe('{#patterns} globs over paths', () => {
  it.each([
    ['**', 'known://a', true],
    ['sh://**', 'sh://turn_1/build_1', true],
    ['sh://**', 'env://turn_1/build_1', false],
    ['log://turn_1/*/*', 'log://turn_1/sh/build', true],
    ['log://turn_1/*', 'log://turn_1/sh/build', false],
    ['log://**/build*', 'log://turn_12/sh/build-it', true],
    ['sh://turn_?/x_1', 'sh://turn_4/x_1', true],
    ['sh://turn_?/x_1', 'sh://turn_44/x_1', false],
    ['known://plan', 'known://plans', false],
    ['*://turn_1/**', 'sh://turn_1/a_1', true],
  ])('%s on %s: %s', (pattern, path, expected) => {
    expect(pathMatcher(pattern)(path)).toBe(expected);
  });

  it('every path matches itself and **', () => {
    const path = fc.stringMatching(/^[a-z]{1,5}:\/\/[a-z0-9._-]{1,12}(\/[a-z0-9._-]{1,12}){0,4}$/);
    fc.assert(fc.property(path, (one) => pathMatcher(one)(one) && pathMatcher('**')(one)));
  });

  it('answers at once for a pattern that would make a regular expression backtrack', () => {
    const hostile = `known://${'*a'.repeat(200)}b`;
    expect(pathMatcher(hostile)(`known://${'a'.repeat(128)}`)).toBe(false);
  });

  it('refuses brackets and braces and says what there is', () => {
    expect(() => pathMatcher('sh://{a,b}')).toThrow(
      expect.objectContaining({ kind: 'invalid_params', message: expect.stringContaining('**') }),
    );
  });

  it('begin with a text that narrows the search and never leaves out a path that they take in', () => {
    expect(patternPrefix('sh://turn_1/build_?')).toBe('sh://turn_1/build_');
    expect(patternPrefix('sh://**')).toBe('sh://');
    expect(patternPrefix('sh://turn_1/**')).toBe('sh://turn_1');
    for (const pattern of ['**', '*://turn_1/**', 'sh/turn_1/x', 's?://x', 'a/b://c']) expect(patternPrefix(pattern), pattern).toBe('');
    const part = fc.constantFrom('a', 'b', 'ab');
    const path = fc.tuple(part, fc.array(part, { minLength: 1, maxLength: 4 })).map(([scheme, rest]) => `${scheme}://${rest.join('/')}`);
    const item = fc.constantFrom('a', 'b', 'ab', '*', '**', '?', 'a*', '**b');
    const pattern = fc
      .tuple(item, fc.constantFrom('://', '/'), fc.array(item, { minLength: 1, maxLength: 4 }))
      .map(([scheme, between, rest]) => `${scheme}${between}${rest.join('/')}`);
    fc.assert(fc.property(pattern, path, (glob, one) => !pathMatcher(glob)(one) || one.startsWith(patternPrefix(glob))));
  });
});
