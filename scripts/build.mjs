#!/usr/bin/env node
/** `npm run build`: compiles src and migrations into dist, types checked, whether or not it is stale. */
import { build } from './lib/build.mjs';
import { withLock } from './lib/lock.mjs';
import { ROOT } from './lib/root.mjs';
import { StepFailed } from './lib/step-failed.mjs';

const say = (line) => process.stderr.write(`${line}\n`);

try {
  await withLock(ROOT, say, () => build(ROOT, { types: true }));
} catch (error) {
  if (!(error instanceof StepFailed)) throw error;
  process.stderr.write(`headgate: ${error.message}\n`);
  process.exitCode = 1;
}
