import { lstatSync, statSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { HeadgateError } from '../../core/errors.ts';
import { realPath } from '../../core/real-path.ts';
import type { Sandbox } from '../../model/place.ts';

/** One thing that is put over the read-only root, and where. */
interface Mount {
  readonly path: string;
  readonly args: readonly string[];
}

export interface MountRequest extends Sandbox {
  /** The project root. */
  readonly root: string;
  readonly hidden: readonly string[];
  /** Of what is hidden, that which is Headgate's own: nothing in it can be a project. */
  readonly own: readonly string[];
  readonly privates: readonly string[];
}

/**
 * Arguments for bubblewrap that make the sandbox's file system from a read-only root (SPEC {#sandbox}): what is further
 * out first, so that the project shows through a folder that is hidden around it, and a secret in the project does not.
 * Throws `forbidden` for a project that cannot be had in a sandbox.
 */
export function mountArguments(request: MountRequest): string[] {
  const { mode, network, hidden, own, privates } = request;
  const root = rootOf(request.root);
  if (root === '/') throw refused('a sandbox cannot have the whole file system as its project', 'open a folder in it as the project');
  if (hidden.includes(root)) throw refused(`a sandbox hides ${root}, so it cannot be its project`, 'open a folder in it as the project');
  const within = own.find((place) => isInside(root, place));
  if (within !== undefined)
    throw refused(
      `a sandbox hides ${within}, which is Headgate's own, so nothing in it can be its project`,
      'open another folder as the project',
    );
  const mounts: Mount[] = [{ path: root, args: [mode === 'workspace' ? '--bind' : '--ro-bind', root, root] }];
  if (mode === 'workspace') mounts.push(...repository(root));
  const around = (place: string) => isInside(root, place);
  for (const path of privates) if (path !== root) mounts.push({ path, args: ['--tmpfs', path] });
  if (network) mounts.push(...resolver(privates));
  const last: string[] = [];
  for (const path of hidden) {
    const outer = [...hidden, ...privates].find((other) => isInside(path, other));
    // What is hidden with the folder around it needs no more, unless the project lies between the two.
    if (outer !== undefined && !(around(outer) && isInside(path, root))) continue;
    if (!isFolder(path)) mounts.push({ path, args: ['--ro-bind', '/dev/null', path] });
    else {
      mounts.push({ path, args: ['--tmpfs', path] });
      last.push('--remount-ro', path);
    }
  }
  if (mode === 'workspace') for (const path of foldersBetween(root, hidden)) mounts.push({ path, args: ['--bind', path, path] });
  mounts.sort((a, b) => depth(a.path) - depth(b.path));
  return [...mounts.flatMap(({ args }) => args), ...last];
}

/**
 * The project's repository is read-only, all of it: hooks and configuration are programs that a user of git outside of
 * the sandbox runs, and there are further files in it that name others. As a mount it cannot be moved away either.
 */
function repository(root: string): Mount[] {
  const path = join(root, '.git');
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (!stat) return [];
  if (stat.isSymbolicLink())
    throw refused(
      `${path} is a symbolic link, which a sandbox cannot keep a command from replacing`,
      'use mode read-only, or make it a folder',
    );
  return [{ path, args: ['--ro-bind', path, path] }];
}

/**
 * The folders between the project root and what is hidden in it. A mount can be neither moved nor replaced, but a folder around
 * it can: a command could put a folder of its own in the place of the data folder, for example.
 */
function foldersBetween(root: string, hidden: readonly string[]): Set<string> {
  const between = new Set<string>();
  for (const path of hidden) {
    if (isInside(path, root)) for (let folder = dirname(path); folder !== root; folder = dirname(folder)) between.add(folder);
  }
  // A folder inside of what is hidden does not exist in the sandbox.
  return new Set([...between].filter((folder) => !hidden.some((path) => folder === path || isInside(folder, path))));
}

/** With the network on, /etc/resolv.conf has to be readable, also where it is a link into a folder that is private here. */
function resolver(privates: readonly string[]): Mount[] {
  const file = realPath('/etc/resolv.conf');
  return file !== undefined && privates.some((place) => isInside(file, place)) ? [{ path: file, args: ['--ro-bind', file, file] }] : [];
}

function rootOf(root: string): string {
  const real = realPath(root);
  if (real === undefined) {
    throw new HeadgateError('not_found', `the project root ${root} does not exist; name another one`, { outcome: 'cwd_missing' });
  }
  // It was resolved when it was proposed; a command of another sandbox may have put a link there since.
  if (real !== root) throw refused(`the project root ${root} has become a link to ${real}`, 'open the folder that is meant as the project');
  return real;
}

function refused(what: string, next: string): HeadgateError {
  return new HeadgateError('forbidden', `${what}; ${next}`, { outcome: 'sandbox_refused' });
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function isInside(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`);
}

function depth(path: string): number {
  return path.split(sep).filter((part) => part !== '').length;
}
