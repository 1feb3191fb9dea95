import { closeSync, constants, existsSync, fsyncSync, mkdirSync, openSync, type Stats } from 'node:fs';
import { basename, join, relative, sep } from 'node:path';
import { HeadgateError, systemCode } from '../core/errors.ts';
import { NotRegularError, openRegular } from '../core/small-file.ts';
import { realContained } from '../hooks/contained-path.ts';
import { filePath, refuseGit } from './file-path.ts';
import type { FileRules } from './rules.ts';

const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } = constants;
/** Folders that one change makes: each is synced before the next, and everybody waits meanwhile (SPEC {#no_pause}). */
const MAX_NEW_FOLDERS = 32;

/**
 * On Linux a name can be looked up in an open folder, so a link that is put in the way after the check is not followed.
 * Elsewhere the path is used, which leaves a moment between check and use.
 */
const IN_FOLDER = existsSync('/proc/self/fd');

/** An open folder of the project. `close` it. */
export interface OpenFolder {
  /** Path of the folder, good while it is open. */
  readonly folder: string;
  /** Path of a name in the folder. */
  beside(name: string): string;
  /** Makes what was changed in the folder survive a power cut. */
  sync(): void;
  close(): void;
}

/** An open folder of the project, and a name in it. */
export interface FilePlace extends OpenFolder {
  /** Path of the name, good while the place is open. */
  readonly at: string;
}

/** What the paths of a project are held to. */
export interface Bounds {
  readonly root: string;
  readonly rules: FileRules;
}

/**
 * Opens the folder of a file, symbolic links that stay inside the project resolved, and every further one refused.
 * `make` makes folders that are missing; without it they are `not_found`. Throws `forbidden` for a path outside, in a
 * `.git` folder, or under an ignore rule, also by way of a link, `too_large` for more missing folders than are made (SPEC {#files}, {#file_edits}).
 */
export function openPlace({ root, rules }: Bounds, path: string, make = false): FilePlace {
  const shown = filePath(path);
  rules.check(path, shown);
  const real = realContained(root, path, 'file');
  const inside = relative(real.root, real.path).split(sep).join('/');
  if (inside === '') throw new HeadgateError('invalid_params', `${shown} is the project root, and no file`, { path: shown });
  refuseGit(inside, shown);
  rules.check(inside, shown);
  const folder = openFolder(real.root, inside.split('/').slice(0, -1), shown, make);
  return { ...folder, at: folder.beside(basename(inside)) };
}

/**
 * Opens a folder by its names from the root, whose path is a real one; no link is followed. `make` makes what is missing.
 * Throws `not_found`, `forbidden`, `too_large`.
 */
export function openFolder(root: string, names: readonly string[], shown: string, make = false): OpenFolder {
  let fd = opened(root, O_RDONLY | O_DIRECTORY, shown);
  let path = root;
  const folder = () => (IN_FOLDER ? `/proc/self/fd/${fd}` : path);
  try {
    for (const [index, name] of names.entries()) {
      const next = openNext(join(folder(), name), shown, make ? { parent: fd, missing: names.length - index } : undefined);
      closeSync(fd);
      fd = next;
      path = join(path, name);
    }
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  return { folder: folder(), beside: (name) => join(folder(), name), sync: () => syncFolder(fd), close: () => closeSync(fd) };
}

/** `make`: it is made in `parent` when it is not there, and so are those behind it, `missing` with it. */
function openNext(path: string, shown: string, make: { parent: number; missing: number } | undefined): number {
  const flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
  try {
    return openSync(path, flags);
  } catch (error) {
    if (make === undefined || systemCode(error) !== 'ENOENT') throw named(error, shown);
  }
  if (make.missing > MAX_NEW_FOLDERS) {
    const help = `at most ${MAX_NEW_FOLDERS} are made at once; make the first of them with a command`;
    throw new HeadgateError('too_large', `${shown} is in ${make.missing} folders that are not there, and ${help}`, {
      path: shown,
      limit: MAX_NEW_FOLDERS,
    });
  }
  try {
    mkdirSync(path);
    syncFolder(make.parent);
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw named(error, shown);
  }
  return opened(path, flags, shown);
}

function opened(path: string, flags: number, shown: string): number {
  try {
    return openSync(path, flags);
  } catch (error) {
    throw named(error, shown);
  }
}

/** Some file systems cannot sync a folder; what was done there is done all the same. */
function syncFolder(fd: number): void {
  try {
    fsyncSync(fd);
  } catch (error) {
    if (!['EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'EBADF', 'EACCES', 'EPERM'].includes(systemCode(error) ?? '')) throw error;
  }
}

/** Opens a file for reading; undefined if it does not exist. Throws `invalid_params` for a folder, a pipe or a device. */
export function openFile(at: string, shown: string): { fd: number; stats: Stats } | undefined {
  try {
    return openRegular(at, false);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    if (!(error instanceof NotRegularError)) throw named(error, shown);
    const what = error.folder ? `is a folder; a path that ends with / lists it: ${shown}/` : 'is no regular file; use a command';
    throw new HeadgateError('invalid_params', `${shown} ${what}`, { path: shown });
  }
}

/** A fault of the file system as an error that says which file and what to do. */
export function named(error: unknown, shown: string): unknown {
  const code = systemCode(error);
  if (code === 'ENOENT')
    return new HeadgateError('not_found', `there is no ${shown}; list its folder to see what is there`, { path: shown });
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return new HeadgateError('forbidden', `the server may not use ${shown} (${code}); change its permissions, or go on without it`, {
      path: shown,
    });
  }
  if (code === 'ELOOP' || code === 'ENOTDIR') {
    return new HeadgateError(
      'forbidden',
      `${shown} leads through a file, or a link that leads nowhere or was just put there; give the real path`,
      {
        path: shown,
      },
    );
  }
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new HeadgateError('overloaded', `the disk is full, and ${shown} stays what it was; free some space`, { path: shown });
  if (code === 'EXDEV')
    return new HeadgateError('unsupported', `${shown} and its new path are on different file systems; copy it there, then remove it here`, {
      path: shown,
    });
  if (code === 'ENAMETOOLONG' || code === 'ENXIO')
    return new HeadgateError('invalid_params', `${shown} cannot be opened (${code})`, { path: shown });
  return error;
}
