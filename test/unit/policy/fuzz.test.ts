import { describe, expect, it } from 'vitest';
import { judge, readRule } from '../../../src/policy/index.ts';
import { Random } from '../../e2e/torture/random.mjs';
import { fuzzShell } from '../../fuzz/shell/lines-against-shells.mjs';

describe('{#policy_printed} {#policy_defaults} generated lines that are allowed unasked', () => {
  it('change nothing, run no canary and show no secret, under every shell and both sets of tools', async () => {
    const more = (lines: number) => lines < 250;
    const { findings, allowed } = await fuzzShell({ random: new Random('unit'), judge, readRule, more });
    expect(findings).toEqual([]);
    // A judge that asked about everything would have none.
    expect(allowed).toBeGreaterThan(5);
  }, 120_000);
});
