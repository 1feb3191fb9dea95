import { statSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { realPath } from './real-path.ts';
import { SYSTEM_PATH } from './system-path.ts';

const SYSTEM = new Set(SYSTEM_PATH.split(':'));
/** Permission bit: everybody may write. */
const EVERYBODY_WRITES = 0o002;

/**
 * The folders of a PATH in which a project has no programs (SPEC {#looks_place}): absolute ones, outside of `root` with links resolved, in no
 * `node_modules`, and not for everybody to write to. In their order; those of the system are always among them. Without a `root`, no folder
 * is left out for lying in one.
 */
export function pathWithoutProject(path: string, root?: string): string[] {
  const roots = root === undefined ? [] : [root, realPath(root)].filter((folder) => folder !== undefined);
  return path.split(':').filter((folder) => SYSTEM.has(folder) || isForeign(folder, roots));
}

function isForeign(folder: string, roots: readonly string[]): boolean {
  if (!isAbsolute(folder)) return false;
  const real = realPath(folder);
  // One that is not there now may be made.
  if (real === undefined) return false;
  if (
    [folder, real].some((name) => /\/node_modules(\/|$)/.test(name) || roots.some((root) => name === root || name.startsWith(`${root}/`)))
  )
    return false;
  return ((statSync(real, { throwIfNoEntry: false })?.mode ?? EVERYBODY_WRITES) & EVERYBODY_WRITES) === 0;
}

/**
 * The PATH by which this process finds programs for itself that a user may have in places of their own, such as ssh and tmux: its own, without
 * folders into which a command in a sandbox may put programs of these names (SPEC {#sandbox}).
 */
export function ownSearchPath(path = process.env['PATH'] ?? ''): string {
  return pathWithoutProject(path).join(':') || SYSTEM_PATH;
}
