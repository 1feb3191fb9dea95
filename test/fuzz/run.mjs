#!/usr/bin/env node
/**
 * `npm run fuzz -- KIND [--seconds N] [--seed S]`: generated input against the built product, until the time is over or ten findings are made.
 * Prints each finding and the seed that makes it again; exit code 1 when there are any. A kind is a module that exports `fuzz`.
 */
import { parseArgs } from 'node:util';
import { Random } from '../e2e/torture/random.mjs';

const KINDS = { shell: './shell/fuzz.mjs' };

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seconds: { type: 'string', default: '60' }, seed: { type: 'string', default: String(Date.now() % 1_000_000) } },
});
const [kind = ''] = positionals;
const seconds = Number(values.seconds);
if (!Object.hasOwn(KINDS, kind) || !(seconds > 0)) {
  console.error(`usage: npm run fuzz -- KIND [--seconds N] [--seed S]; KIND is ${Object.keys(KINDS).join(', ')}`);
  process.exit(2);
}
const { fuzz } = await import(KINDS[kind]);
const { findings, told } = await fuzz({ random: new Random(values.seed), deadline: performance.now() + seconds * 1000 });
console.log(`${kind}: seed ${values.seed}: ${told}, ${findings.length} findings`);
for (const finding of findings) console.error(JSON.stringify(finding));
if (findings.length > 0) process.exitCode = 1;
