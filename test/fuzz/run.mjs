#!/usr/bin/env node
/**
 * `npm run fuzz -- KIND [--seconds N] [--count N] [--seed S]`: generated input against the built product, until the time is over, so many inputs were
 * made or ten findings are. Prints each finding and the seed that makes it again; exit code 1 when there are any. A kind is a module that exports `fuzz`.
 */
import { parseArgs } from 'node:util';
import { Random } from '../e2e/torture/random.mjs';

const KINDS = {
  shell: './shell/fuzz.mjs',
  frames: './server/frames.mjs',
  methods: './server/methods.mjs',
  files: './server/files.mjs',
  properties: './properties.mjs',
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '60' },
    count: { type: 'string', default: 'Infinity' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
});
const [kind = ''] = positionals;
const [seconds, most] = [Number(values.seconds), Number(values.count)];
if (!Object.hasOwn(KINDS, kind) || !(seconds > 0) || !(most > 0)) {
  console.error(`usage: npm run fuzz -- KIND [--seconds N] [--count N] [--seed S]; KIND is ${Object.keys(KINDS).join(', ')}`);
  process.exit(2);
}
const { fuzz } = await import(KINDS[kind]);
const limits = { random: new Random(values.seed), deadline: performance.now() + seconds * 1000, most };
// The first Ctrl-C ends it as the end of its time does; the next one at once.
for (const signal of ['SIGINT', 'SIGTERM'])
  process.once(signal, () => {
    limits.deadline = 0;
  });
const { findings, told } = await fuzz(limits);
console.log(`${kind}: seed ${values.seed}: ${told}, ${findings.length} findings`);
for (const finding of findings) console.error(JSON.stringify(finding));
if (findings.length > 0) process.exitCode = 1;
