import { mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { HeadgateError, messageOf, systemCode } from '../core/errors.ts';
import { DATA_PARTS } from './data-parts.ts';
import type { DataPaths } from './server-files.ts';

/**
 * Takes out of a copied data folder what speaks of the original's commands: the copy of its spool, its containers, its hosts, and
 * the id by which it keeps them (SPEC {#data_copy}). Nothing of them is read, and nothing outside of the folder is touched; where
 * one of them is a link, the link goes. Throws `conflict` where the copy shares files with the original.
 */
export function leaveToOriginal({ folder, database, producers }: DataPaths, original: string): void {
  if (statSync(database).nlink > 1)
    throw shared(folder, original, `${database} is a hard link, so that both would write into one file; copy the folder with cp -a`);
  const aside = join(folder, 'of-the-original');
  // Of a copy that was begun to be opened before.
  rmSync(aside, { recursive: true, force: true });
  mkdirSync(aside, { mode: 0o700 });
  for (const { name } of DATA_PARTS.filter(({ ofCommands }) => ofCommands)) {
    try {
      // Not deleted where it stands: what is mounted there is the original's own, and cannot be moved.
      renameSync(join(folder, name), join(aside, name));
    } catch (error) {
      if (systemCode(error) === 'ENOENT') continue;
      throw shared(folder, original, `${join(folder, name)} cannot be set aside (${messageOf(error)}); unmount it`);
    }
  }
  rmSync(aside, { recursive: true, force: true });
  mkdirSync(producers, { recursive: true, mode: 0o700 });
}

function shared(folder: string, original: string, what: string): HeadgateError {
  return new HeadgateError('conflict', `${folder} is a copy of ${original} that is not whole: ${what}`, { folder, original });
}
