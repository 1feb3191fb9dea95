import { realpathSync } from 'node:fs';
import { dirname, isAbsolute, relative, resolve, sep } from 'node:path';
import { HeadgateError } from '../core/errors.ts';

/**
 * `path`, relative to `root`, as an absolute path inside it, symbolic links resolved as far as the path exists. What
 * does not exist is left to whoever uses it. Throws `forbidden` for a path outside (SPEC {#containment}).
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
  const realRoot = realOf(resolve(root));
  const real = realOf(resolve(root, path));
  if (!inside(realRoot, real)) throw outside();
  return { root: realRoot, path: real };
}

/** The real path of what exists, with the part that does not exist put behind it. */
export function realOf(path: string): string {
  const missing: string[] = [];
  let at = path;
  for (;;) {
    try {
      return resolve(realpathSync(at), ...missing);
    } catch {
      const parent = dirname(at);
      if (parent === at) return path;
      missing.unshift(at.slice(parent.length).replace(sep, ''));
      at = parent;
    }
  }
}

function inside(root: string, path: string): boolean {
  const way = relative(root, path);
  return way === '' || (way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way));
}
