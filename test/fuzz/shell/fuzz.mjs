import { judge, readRule } from '../../../dist/src/policy/index.js';
import { fuzzShell } from './lines-against-shells.mjs';

/** Runs what generated lines come to, under the built judge. */
export async function fuzz({ random, deadline }) {
  const { findings, lines, allowed } = await fuzzShell({ random, judge, readRule, more: () => performance.now() < deadline });
  return { findings, told: `${lines} lines, ${allowed} of them allowed unasked and run` };
}
