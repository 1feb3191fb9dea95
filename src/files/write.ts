import {
  accessSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  linkSync,
  lstatSync,
  openSync,
  renameSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { HeadgateError, systemCode } from '../core/errors.ts';
import type { Content } from './content.ts';
import { filePath } from './file-path.ts';
import { type Bounds, type FilePlace, named, openPlace } from './place.ts';
import { dropIfThere, dropStale, temporaryOf } from './temporary.ts';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;
const NEW_FILE_MODE = 0o666;

/** Mode and owner that the written file takes over from an earlier one. */
type Like = Pick<Content, 'mode' | 'uid' | 'gid'>;

/**
 * Gives a file a new content as a whole: a temporary file in the same folder, synced, then renamed over it. Folders that
 * are missing are made. `before` is the file that it replaces, whose permissions are kept, and its owner where the server
 * may. Without `before` a file at the path is a `conflict`. After a crash the path has the old content
 * or the new one.
 */
export function writeWhole(bounds: Bounds, path: string, bytes: Buffer, before: Like | undefined): void {
  writeFile(bounds, path, bytes, before, NEW_FILE_MODE);
}

/** A new file with the content and the permissions of another, as far as the umask allows. Otherwise as `writeWhole`. */
export function writeCopy(bounds: Bounds, path: string, content: Content): void {
  writeFile(bounds, path, content.bytes, undefined, content.mode & 0o777);
}

function writeFile(bounds: Bounds, path: string, bytes: Buffer, before: Like | undefined, newMode: number): void {
  const shown = filePath(path);
  guarded(shown, openPlace(bounds, path, true), (place) => {
    // Renaming would take the place even of a file that may not be written.
    if (before) accessSync(place.at, constants.W_OK);
    const temporary = temporaryOf(place, path);
    dropStale(place);
    dropIfThere(temporary);
    const fd = openSync(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, before ? 0o600 : newMode);
    try {
      try {
        if (before) becomeLike(fd, before);
        for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
        fsyncSync(fd);
      } finally {
        closeSync(fd);
      }
      if (before) renameSync(temporary, place.at);
      else putNew(temporary, place, shown);
    } catch (error) {
      dropIfThere(temporary);
      throw error;
    }
    place.sync();
  });
}

/** Permissions and, where it may be given, the owner; changing that would take set-id bits away, so it comes first. */
function becomeLike(fd: number, { mode, uid, gid }: Like): void {
  const now = fstatSync(fd);
  let kept = now.uid === uid && now.gid === gid;
  if (!kept) {
    try {
      fchownSync(fd, uid, gid);
      kept = true;
    } catch (error) {
      if (systemCode(error) !== 'EPERM') throw error;
    }
  }
  // Set-id bits are those of the owner: they are not for another one.
  fchmodSync(fd, kept ? mode : mode & 0o777);
}

/** Removes a file. */
export function removeFile(bounds: Bounds, path: string): void {
  guarded(filePath(path), openPlace(bounds, path), (place) => {
    unlinkSync(place.at);
    place.sync();
  });
}

/** Gives a file another path, at which there is nothing yet. After a crash it is at one of the two, or at both. */
export function moveFile(bounds: Bounds, path: string, to: string): void {
  guarded(filePath(path), openPlace(bounds, path), (from) => {
    guarded(filePath(to), openPlace(bounds, to, true), (place) => {
      putNew(from.at, place, filePath(to));
    });
    from.sync();
  });
}

/** True when two paths are one file. */
export function isSameFile(bounds: Bounds, path: string, to: string): boolean {
  return guarded(filePath(path), openPlace(bounds, path), (from) =>
    guarded(filePath(to), openPlace(bounds, to), (place) => {
      const [one, other] = [lstatSync(from.at), lstatSync(place.at)];
      return one.ino === other.ino && one.dev === other.dev;
    }),
  );
}

/** Links instead of renaming: unlike `rename`, `link` fails where another program has made a file meanwhile. */
function putNew(from: string, place: FilePlace, shown: string): void {
  try {
    linkSync(from, place.at);
  } catch (error) {
    const code = systemCode(error);
    if (code === 'EEXIST') throw taken(shown);
    // A file system without hard links.
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'EOPNOTSUPP' && code !== 'ENOSYS') throw error;
    if (isThere(place.at)) throw taken(shown);
    renameSync(from, place.at);
    place.sync();
    return;
  }
  // The new name is on the disk before the old one goes.
  place.sync();
  unlinkSync(from);
}

function taken(shown: string): HeadgateError {
  return new HeadgateError('conflict', `${shown} is there already; remove it first, or take another path`, { path: shown });
}

function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

function guarded<T>(shown: string, place: FilePlace, work: (place: FilePlace) => T): T {
  try {
    return work(place);
  } catch (error) {
    throw named(error, shown);
  } finally {
    place.close();
  }
}
