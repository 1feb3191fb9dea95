import { isAbsolute, relative, resolve } from 'node:path';
import { containedPath, realOf } from '../hooks/contained-path.ts';

/**
 * The `file://` path of a file in the project, however it was written, and the one that links lead to where that is another. Undefined for
 * one outside.
 */
export function insidePaths(path: string, { root, cwd }: { readonly root: string; readonly cwd: string }): string[] | undefined {
  try {
    const full = containedPath(root, isAbsolute(path) ? path : resolve(cwd, path), 'path');
    const ways = [relative(root, full), relative(realOf(root), realOf(full))];
    // The root may be a link, and the path one that begins with what it leads to.
    return [...new Set(ways.filter((way) => way !== '..' && !way.startsWith('../')).map((way) => `file://${way === '' ? '.' : way}`))];
  } catch {
    return undefined;
  }
}
