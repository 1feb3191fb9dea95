import { describe, expect, it } from 'vitest';
import { Facts, livenessOf, quotedFigure } from '../../../src/cli/demo/facts.ts';

const piece = (at: number) => ({ channel: 1, at, bytes: Buffer.from('x') });

describe('what the demo accepts as having happened', () => {
  it('output is live only when it came in pieces, over time, and before the end', () => {
    expect(livenessOf([0, 500, 1000, 1500].map(piece), 2000).live).toBe(true);
    expect(livenessOf([1990, 1991, 1992, 1993].map(piece), 2000).live).toBe(false);
    expect(livenessOf([piece(0)], 2000).live).toBe(false);
    expect(livenessOf([], 2000).live).toBe(false);
  });

  it('a figure is quoted only when it stands in the output and was not given beforehand', () => {
    expect(quotedFigure('The sum is 4711.', 'total 4711\n', 'measure 3 times')).toBe('4711');
    expect(quotedFigure('The sum is 4712.', 'total 4711\n', '')).toBeUndefined();
    expect(quotedFigure('The sum is 4711.', 'total 4711\n', 'echo total 4711')).toBeUndefined();
    expect(quotedFigure('All is well.', '12 34', '')).toBeUndefined();
  });

  it('one claim that failed, or none at all, is a failure', () => {
    const facts = new Facts();
    expect(facts.allHeld).toBe(false);
    facts.add('a', true, '');
    expect(facts.allHeld).toBe(true);
    facts.add('b', false, '');
    expect(facts.allHeld).toBe(false);
  });
});
