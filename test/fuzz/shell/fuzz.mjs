import { judge, readRule } from '../../../dist/src/policy/index.js';
import { fuzzShell } from './lines-against-shells.mjs';

/** Runs what generated lines come to, under the built judge. */
export async function fuzz(limits) {
  const { findings, lines, allowed } = await fuzzShell({
    random: limits.random,
    judge,
    readRule,
    more: () => performance.now() < limits.deadline,
  });
  return { findings, told: `${lines} lines, ${allowed} of them allowed unasked and run` };
}
