import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { systemCode } from './errors.ts';

/** Mode of the folders that are made: their user's own. */
const MODE = 0o700;

/**
 * Makes a folder and those above it that are missing, with mode 0700. One that is there is left as it is. Throws the error of the system
 * where it cannot be made: `mkdirSync` with `recursive` never returns where a file system returns ENOENT below a folder that is there, as
 * /proc does, and names ENOENT where one is read-only.
 */
export function makeFolder(path: string): void {
  const missing: string[] = [];
  let at = resolve(path);
  for (; !existsSync(at); at = dirname(at)) missing.push(at);
  if (missing.length === 0 && !statSync(at).isDirectory()) missing.push(at);
  for (const folder of missing.reverse()) {
    try {
      mkdirSync(folder, { mode: MODE });
    } catch (error) {
      // Another process was faster.
      if (systemCode(error) !== 'EEXIST' || !statSync(folder, { throwIfNoEntry: false })?.isDirectory()) throw error;
    }
  }
}
