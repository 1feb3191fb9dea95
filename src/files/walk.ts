import { closeSync, type Dirent, lstatSync, readFileSync } from 'node:fs';
import { opendir } from 'node:fs/promises';
import { relative, sep } from 'node:path';
import { HeadgateError, systemCode } from '../core/errors.ts';
import { type Sliced, slices } from '../core/slice-turns.ts';
import { realContained } from '../hooks/contained-path.ts';
import type { FileListing } from '../hooks/views.ts';
import { filePath, isGit, refuseGit } from './file-path.ts';
import { type IgnoreFile, parseIgnoreFile } from './gitignore.ts';
import { type Bounds, named, type OpenFolder, openFile, openFolder } from './place.ts';
import { fileGlob } from './rules.ts';

/** Files and folders that one listing looks at, and returns, at most. */
const MAX_VISITED = 50_000;
const MAX_LISTED = 500;
const MAX_IGNORE_BYTES = 256 * 1024;
/** Each folder on the way stays open. */
const MAX_DEPTH = 100;
/** Time of one listing. */
const MAX_MS = 10_000;

interface Layer {
  /** Folder that the patterns are relative to, as names. */
  readonly base: number;
  readonly file: IgnoreFile;
}

interface Walk {
  readonly root: string;
  readonly bounds: Bounds;
  readonly matches: ((path: string) => boolean) | undefined;
  readonly signal: AbortSignal | undefined;
  readonly found: { path: string; bytes: number; kind: 'file' | 'folder' | 'link' }[];
  readonly until: number;
  visited: number;
  readonly slice: Sliced;
  /** False when something was not looked at. */
  whole: boolean;
  /** True when nothing more is looked at. */
  over: boolean;
  more: number;
  kept: number;
  gitIgnored: number;
}

/**
 * The names in a folder, or with a glob the files below it that the glob takes in, in order of their names. Left out, and
 * counted: what `.gitignore` files leave out, and what an ignore rule keeps from the model. Links are named and not
 * followed; `.git` is not shown. Throws `not_found`, `forbidden` (SPEC {#files}).
 */
export async function listFiles(bounds: Bounds, path: string, signal?: AbortSignal): Promise<FileListing> {
  const glob = fileGlob(path);
  const fixed = glob
    ? path
        .split('/')
        .slice(
          0,
          path.split('/').findIndex((name) => /[*?{]/.test(name)),
        )
        .join('/')
    : path;
  const shown = filePath(fixed);
  if (fixed !== '') bounds.rules.check(fixed, shown);
  const real = realContained(bounds.root, fixed === '' ? '.' : fixed, 'folder');
  const inside = relative(real.root, real.path).split(sep).join('/');
  refuseGit(inside, shown);
  if (inside !== '') bounds.rules.check(inside, shown);
  const now = performance.now();
  const counts = { visited: 0, more: 0, kept: 0, gitIgnored: 0, whole: true, over: false, slice: slices.begin(), until: now + MAX_MS };
  const walk: Walk = { root: real.root, bounds, matches: glob, signal, found: [], ...counts };
  const start = fixed === '' ? [] : fixed.split('/');
  if (start.length > 0 && inside !== fixed) {
    // By way of a link: what is below is judged by where it really is.
    return await listFiles(bounds, [inside, ...path.split('/').slice(start.length)].filter(Boolean).join('/'), signal);
  }
  if (isFile(real.path, shown)) {
    throw new HeadgateError('invalid_params', `${shown} is a file, no folder; read it without the /`, { path: shown });
  }
  const layers = start.flatMap((_, index) => layerAbove(walk, start.slice(0, index)));
  const folder = openFolder(walk.root, start, `${shown}/`);
  try {
    await visit(walk, folder, start, layers);
  } catch (error) {
    throw named(error, shown);
  } finally {
    folder.close();
  }
  return {
    entries: walk.found.map((one) => ({ ...one, path: filePath(one.path) })),
    more: walk.more,
    kept: walk.kept,
    gitIgnored: walk.gitIgnored,
    whole: walk.whole,
  };
}

function isFile(path: string, shown: string): boolean {
  try {
    return lstatSync(path).isFile();
  } catch (error) {
    throw named(error, shown);
  }
}

async function visit(walk: Walk, folder: OpenFolder, names: readonly string[], above: readonly Layer[]): Promise<void> {
  const layers = [...above, ...layerOf(walk, folder, names)];
  for (const entry of await entriesOf(walk, folder)) {
    await pause(walk);
    if (walk.over) return;
    const way = [...names, entry.name];
    if (leftOut(walk, way, entry, layers)) continue;
    if (!walk.matches) add(walk, folder, way, entry);
    else if (entry.isDirectory()) await visitBelow(walk, way, layers);
    else if (walk.matches(way.join('/'))) add(walk, folder, way, entry);
  }
}

/** The names of a folder in order; of a huge one the first that the system names, and the listing says that it is not whole. */
async function entriesOf(walk: Walk, { folder }: OpenFolder): Promise<Dirent[]> {
  const entries: Dirent[] = [];
  for await (const entry of await opendir(folder, { bufferSize: 1024 })) {
    if (++walk.visited > MAX_VISITED) {
      walk.whole = false;
      // What has been read is still looked at.
      break;
    }
    entries.push(entry);
  }
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Lets everything else have its turn; ends the walk when it takes too long. */
async function pause(walk: Walk): Promise<void> {
  if (!walk.slice.isOver) return;
  await walk.slice.next();
  walk.signal?.throwIfAborted();
  if (performance.now() <= walk.until) return;
  walk.whole = false;
  walk.over = true;
}

/** A folder that cannot be read hides what is in it, and nothing else. */
async function visitBelow(walk: Walk, way: readonly string[], layers: readonly Layer[]): Promise<void> {
  if (way.length > MAX_DEPTH || walk.visited > MAX_VISITED) {
    walk.whole = false;
    return;
  }
  let folder: OpenFolder;
  try {
    folder = openFolder(walk.root, way, filePath(way.join('/')));
  } catch {
    return;
  }
  try {
    await visit(walk, folder, way, layers);
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
  } finally {
    folder.close();
  }
}

function leftOut(walk: Walk, way: readonly string[], entry: Dirent, layers: readonly Layer[]): boolean {
  if (isGit(entry.name)) return true;
  if (walk.bounds.rules.ignoredBy(way.join('/')) !== undefined) {
    walk.kept++;
    return true;
  }
  for (const { base, file } of [...layers].reverse()) {
    const verdict = file.verdict(way.slice(base), entry.isDirectory());
    if (verdict === undefined) continue;
    if (verdict) walk.gitIgnored++;
    return verdict;
  }
  return false;
}

function add(walk: Walk, folder: OpenFolder, way: readonly string[], entry: Dirent): void {
  if (walk.found.length >= MAX_LISTED) {
    walk.more++;
    return;
  }
  const kind = entry.isDirectory() ? 'folder' : entry.isSymbolicLink() ? 'link' : 'file';
  const bytes = kind === 'file' ? (lstatSync(folder.beside(entry.name), { throwIfNoEntry: false })?.size ?? 0) : 0;
  walk.found.push({ path: way.join('/'), bytes, kind });
}

function layerAbove(walk: Walk, names: readonly string[]): Layer[] {
  const folder = openFolder(walk.root, names, filePath(names.join('/')));
  try {
    return layerOf(walk, folder, names);
  } finally {
    folder.close();
  }
}

/** A `.gitignore` that cannot be read, is too big, or a link, as for git, leaves nothing out. */
function layerOf(walk: Walk, folder: OpenFolder, names: readonly string[]): Layer[] {
  const path = [...names, '.gitignore'].join('/');
  if (walk.bounds.rules.ignoredBy(path) !== undefined) return [];
  try {
    const file = openFile(folder.beside('.gitignore'), filePath(path));
    if (!file) return [];
    try {
      if (file.stats.size > MAX_IGNORE_BYTES) return [];
      return [{ base: names.length, file: parseIgnoreFile(readFileSync(file.fd, 'utf8')) }];
    } finally {
      closeSync(file.fd);
    }
  } catch (error) {
    if (error instanceof HeadgateError || systemCode(error) !== undefined) return [];
    throw error;
  }
}
