#!/usr/bin/env node
/**
 * Makes a clone ready to run: installs packages when `node_modules` is missing or stale, and builds when `dist` is
 * missing or differs from its sources. Says in one line what it does and nothing when there is nothing to do.
 * Node and npm are all it needs.
 */
import { pathToFileURL } from 'node:url';
import { buildIfStale } from './lib/build.mjs';
import { installIfStale, requireNode } from './lib/install.mjs';
import { withLock } from './lib/lock.mjs';
import { ROOT } from './lib/root.mjs';
import { StepFailed } from './lib/step-failed.mjs';

/**
 * Installs and builds where needed; a second call meanwhile, from any process, waits for the first.
 * @param {{ root?: string, say?: (line: string) => void, build?: boolean }} [options] `build`: false only installs
 * @returns {Promise<{ installed: boolean, built: boolean }>} what had to be done
 * @throws {StepFailed} whose message says what to do
 */
export async function prepare({ root = ROOT, say = (line) => process.stderr.write(`${line}\n`), build = true } = {}) {
  requireNode(root);
  return withLock(root, say, () => {
    const installed = installIfStale(root, say);
    const built = build && buildIfStale(root, say);
    return { installed, built };
  });
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    await prepare();
  } catch (error) {
    if (!(error instanceof StepFailed)) throw error;
    process.stderr.write(`headgate: ${error.message}\n`);
    process.exitCode = 1;
  }
}
