import { chmodSync, lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../core/errors.ts';
import type { Finding } from '../store/index.ts';
import type { DataPaths } from './server-files.ts';

/** Files of the data folder, with those that SQLite and the doctor make beside them. */
const OWN_FILES = /^(headgate\.db|lock\.db|lock\.json|server\.json|last-backup\.json|token|headgate\.sock)/;

/**
 * Who may read what: folders 0700, files 0600, everything the user's own (SPEC {#data_folder}). With `repair` modes that
 * are wider are set right.
 */
export function openAccess(paths: DataPaths, repair: boolean): Finding[] {
  const files = readdirSync(paths.folder)
    .filter((name) => OWN_FILES.test(name))
    .map((name) => join(paths.folder, name));
  const found = [
    check(paths.folder, 0o700, repair),
    check(paths.producers, 0o700, repair),
    ...files.map((file) => check(file, 0o600, repair)),
  ].filter((finding) => finding !== undefined);
  return found.length > 0 ? found : [{ name: 'permissions', state: 'ok', detail: 'folder and files are private' }];
}

function check(path: string, mode: number, repair: boolean): Finding | undefined {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  // Of a link the target's mode counts, which its maker chose.
  if (!stat || stat.isSymbolicLink()) return undefined;
  const name = 'permissions';
  const uid = process.getuid?.();
  if (uid !== undefined && uid !== 0 && stat.uid !== uid) {
    return { name, state: 'bad', detail: `${path} belongs to user ${stat.uid}; change its owner to the user who starts the server` };
  }
  if ((stat.mode & 0o777 & ~mode) === 0) return undefined;
  const what = `${path} has mode ${(stat.mode & 0o777).toString(8).padStart(4, '0')}`;
  const right = mode.toString(8).padStart(4, '0');
  if (!repair) return { name, state: 'bad', detail: `${what}; --repair sets ${right}` };
  try {
    chmodSync(path, mode);
    return { name, state: 'repaired', detail: `${what}: it has ${right} now` };
  } catch (error) {
    return { name, state: 'bad', detail: `${what} and cannot be set to ${right}: ${messageOf(error)}` };
  }
}
