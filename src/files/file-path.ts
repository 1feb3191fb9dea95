import { isAbsolute, posix, relative } from 'node:path';
import { HeadgateError } from '../core/errors.ts';

export const FILE_SCHEME = 'file://';
const MAX_PATH_CHARS = 1024;

/** True for the path of a file of the project, as against an entry's. */
export function isFilePath(path: string): boolean {
  return path.startsWith(FILE_SCHEME);
}

/** The path that models and clients see of a file, from one relative to the root. */
export function filePath(relative: string): string {
  return `${FILE_SCHEME}${relative}`;
}

/**
 * The path relative to the project root that `file://...` means, without `.` and `..`; '' for the root. Any characters
 * may be in a name. Throws `invalid_params` for an invalid one, `forbidden` for one outside or in a `.git` folder
 * (SPEC {#files}).
 */
export function relativePath(root: string, path: string): string {
  if (!isFilePath(path)) throw new HeadgateError('invalid_params', `"${path.slice(0, 80)}" is no file; files begin with file://`, { path });
  if (path.length > MAX_PATH_CHARS) {
    throw new HeadgateError('invalid_params', `the path is ${path.length} characters long; at most ${MAX_PATH_CHARS} are allowed`);
  }
  const given = path.slice(FILE_SCHEME.length);
  if (given.includes('\0')) throw new HeadgateError('invalid_params', 'the path contains a NUL character', { field: 'path' });
  if (isAbsolute(given)) {
    const inside = relative(root, given);
    const hint =
      inside.startsWith('..') || isAbsolute(inside) ? 'files outside the project cannot be reached' : `write ${filePath(inside)}`;
    throw new HeadgateError('forbidden', `${path} is absolute; paths of files are relative to the project root: ${hint}`, { path });
  }
  const normal = posix.normalize(given === '' ? '.' : given).replace(/\/$/, '');
  if (normal === '..' || normal.startsWith('../')) {
    throw new HeadgateError('forbidden', `${path} is outside the project root; give a path inside it`, { path });
  }
  const plain = normal === '.' ? '' : normal;
  refuseGit(plain, path);
  return plain;
}

/** Throws `forbidden` for what lies in a `.git` folder: its configuration can name commands and hold credentials. */
export function refuseGit(relative: string, path: string): void {
  if (relative.split('/').some(isGit)) {
    throw new HeadgateError('forbidden', `${path} is in git's own folder, which file tools leave alone; use a git command`, { path });
  }
}

/** Characters that some file systems of macOS see nothing in, so that a name with them is the one without. */
const UNSEEN = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g;

/** True for the name of git's own folder, also in the writings that some file system takes for it. */
export function isGit(name: string): boolean {
  return name.replace(UNSEEN, '').toLowerCase() === '.git';
}
