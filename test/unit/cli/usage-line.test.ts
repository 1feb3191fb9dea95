import { describe, expect, it } from 'vitest';
import { usageLine } from '../../../src/cli/usage-line.ts';

const turn = (inputTokens: number, cost: number | null, cachedTokens = 0) => ({
  usage: { inputTokens, outputTokens: 7, cachedTokens },
  cost,
});

describe('{#cli_act} the line that says what a loop has used', () => {
  it('adds its turns, and leaves out a cost that is not known', () => {
    expect(usageLine([turn(1200, 0.01, 1000), turn(34, 0.0023)])).toBe('1,234 tokens in (1,000 cached), 14 out, cost 0.0123');
    expect(usageLine([turn(1, 0.000012)])).toBe('1 tokens in, 7 out, cost 0.000012');
    expect(usageLine([turn(1, 0)])).toBe('1 tokens in, 7 out, cost 0.0000');
    expect(usageLine([turn(5, 0.1), turn(5, null)])).toBe('10 tokens in, 14 out');
  });

  it('says nothing where nothing is known', () => {
    expect(usageLine([{ usage: null, cost: null }])).toBeUndefined();
    expect(usageLine([])).toBeUndefined();
  });
});
