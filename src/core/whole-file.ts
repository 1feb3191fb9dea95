import { linkSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { systemCode } from './errors.ts';

/** Writes a small file, mode 0600, in the place of the one that is there: a reader finds the old text or the new one, never a part. Throws the system error; then the old file stays. */
export function replaceFile(file: string, text: string | Uint8Array): void {
  viaTemporary(file, text, (temporary) => renameSync(temporary, file));
}

/** Writes a small file, mode 0600, as a whole, unless it exists: of several writers the first one decides. Throws the system error, except that it exists. */
export function createFile(file: string, text: string): void {
  try {
    viaTemporary(file, text, (temporary) => linkSync(temporary, file));
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
  }
}

function viaTemporary(file: string, text: string | Uint8Array, publish: (temporary: string) => void): void {
  const temporary = join(dirname(file), `.${basename(file)}.${process.pid}`);
  try {
    writeFileSync(temporary, text, { mode: 0o600 });
    publish(temporary);
  } finally {
    rmSync(temporary, { force: true });
  }
}
