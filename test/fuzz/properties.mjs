import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { filesUnder } from '../../scripts/lib/files-under.mjs';
import { ROOT } from '../../scripts/lib/root.mjs';

const KINDS_WITH_PROPERTIES = ['test/unit', 'test/contract', 'test/e2e'];

/** Runs the property tests again and again, each time with another seed; `npm test` takes always the same (`test/support/property-seed.ts`). */
export async function fuzz(limits) {
  const files = KINDS_WITH_PROPERTIES.flatMap((folder) => filesUnder(ROOT, folder, /\.test\.ts$/))
    .filter(({ text }) => text.includes("from 'fast-check'"))
    .map(({ name }) => name);
  const findings = [];
  let rounds = 0;
  while (rounds < limits.most && (rounds === 0 || performance.now() < limits.deadline) && findings.length < 10) {
    const seed = String(limits.random.next() | 0);
    rounds += 1;
    process.stdout.write(`properties with HEADGATE_PROPERTY_SEED=${seed}\n`);
    const failure = await run(files, seed);
    if (failure !== undefined) findings.push({ HEADGATE_PROPERTY_SEED: seed, failure });
  }
  return { findings, told: `${rounds} rounds of ${files.length} files` };
}

/** What vitest prints of a run with failures. */
async function run(files, seed) {
  const child = spawn(join(ROOT, 'node_modules/.bin/vitest'), ['run', ...files], {
    cwd: ROOT,
    // A Ctrl-C ends the rounds, not the round that is on, whose exit code would then say nothing of its seed.
    detached: true,
    env: { ...process.env, HEADGATE_PROPERTY_SEED: seed, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [printed, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  return code === 0 ? undefined : printed;
}
