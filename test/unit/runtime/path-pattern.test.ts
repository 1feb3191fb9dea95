import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pathMatcher } from '../../../src/runtime/index.ts';

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
});
