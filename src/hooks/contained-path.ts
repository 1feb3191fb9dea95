import { existsSync } from 'node:fs';
import { isAbsolute, relative, resolve, sep } from 'node:path';
import { HeadgateError } from '../core/errors.ts';
import { realPath } from '../core/real-path.ts';

/** Bytes of a path and of one name in it that the kernel takes; it refuses longer ones. */
const PATH_BYTES = 4095;
const NAME_BYTES = 255;

/**
 * `path`, relative to `root`, as an absolute path inside it, symbolic links resolved as far as the path exists. What
 * does not exist is left to the caller. Throws `forbidden` for a path outside, `invalid_params` for one that is too long
 * (SPEC {#containment}).
 */
export function containedPath(root: string, path: string, field: string): string {
  realContained(root, path, field);
  return resolve(root, path);
}

/** The same, as the real path of root and file: no symbolic link is left in what exists of them. */
export function realContained(root: string, path: string, field: string): { root: string; path: string } {
  const outside = () =>
    new HeadgateError('forbidden', `${field} "${path}" is outside the project root; give a path inside it`, { field, path });
  if (path.includes('\0')) throw new HeadgateError('invalid_params', `${field} contains a NUL character`, { field });
  const full = resolve(root, path);
  const problem = lengthProblem(full);
  if (problem !== undefined) throw new HeadgateError('invalid_params', `${field} ${problem}`, { field });
  const realRoot = realOf(resolve(root));
  const real = realOf(full);
  if (!inside(realRoot, real)) throw outside();
  return { root: realRoot, path: real };
}

/** The real path of what exists of an absolute path, with the part that does not exist put behind it; of one that is too long the path itself. */
export function realOf(path: string): string {
  if (lengthProblem(path) !== undefined) return path;
  const whole = realPath(path);
  if (whole !== undefined) return whole;
  const names = path.split(sep).filter((name) => name !== '');
  const of = (count: number) => sep + names.slice(0, count).join(sep);
  // What exists of a path is its beginning, so the end of that is found by halves.
  let there = 0;
  let missing = names.length;
  while (missing - there > 1) {
    const middle = (there + missing) >> 1;
    if (existsSync(of(middle))) there = middle;
    else missing = middle;
  }
  // What is taken away meanwhile is missing too.
  for (; there > 0; there--) {
    const real = realPath(of(there));
    if (real !== undefined) return resolve(real, ...names.slice(there));
  }
  return path;
}

/** Why no file can have this path, as the end of a sentence; undefined for one that some file may have. Looks nothing up. */
export function lengthProblem(path: string): string | undefined {
  const bytes = Buffer.byteLength(path);
  if (bytes > PATH_BYTES)
    return `is ${bytes} bytes long from the root of the file system; a path has ${PATH_BYTES} bytes at most, give a shorter one`;
  if (bytes <= NAME_BYTES) return undefined;
  const name = path.split(sep).find((one) => Buffer.byteLength(one) > NAME_BYTES);
  if (name === undefined) return undefined;
  return `has a name of ${Buffer.byteLength(name)} bytes ("${name.slice(0, 40)}..."); a name has ${NAME_BYTES} bytes at most, give a shorter one`;
}

function inside(root: string, path: string): boolean {
  const way = relative(root, path);
  return way === '' || (way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way));
}
