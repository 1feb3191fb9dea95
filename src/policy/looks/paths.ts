import { type Dirent, opendirSync, statSync } from 'node:fs';
import { isAbsolute, join, posix, relative, resolve } from 'node:path';
import { containedPath, realOf } from '../../hooks/contained-path.ts';
import type { Word } from '../shell/command.ts';
import { looksSecret } from './secrets.ts';

/** Entries of a folder beyond which a glob in it is not looked at. */
const MAX_ENTRIES = 5000;
/** Paths that are looked up for one line at most, each in every folder that it may be run in: all of that is done in the server's thread. */
const MAX_LOOKED_UP = 256;
/** Entries of a folder that take as long as looking up a path. */
const ENTRIES_A_PATH = 40;

/** Where a command that looks is run. */
export interface Place {
  readonly root: string;
  /** Folders in which it may be, `cd` considered. */
  readonly folders: readonly string[];
  readonly known: Known;
}

/** What was found out for one line, so that it is looked up once, and how much may be. */
export class Known {
  readonly #paths = new Map<string, string | undefined>();
  readonly #repositories = new Map<string, string | undefined>();
  #cost = 0;

  /** The problem of a path, looked up once; another one when too many were. */
  path(key: string, look: () => string | undefined): string | undefined {
    if (this.#paths.has(key)) return this.#paths.get(key);
    if (this.#cost >= MAX_LOOKED_UP) return `it names more than ${MAX_LOOKED_UP} files, or as many in the folders that it may run in`;
    this.#cost += 1;
    const problem = look();
    this.#paths.set(key, problem);
    return problem;
  }

  /** Takes what reading so many entries of a folder costs. */
  charge(entries: number): void {
    this.#cost += entries / ENTRIES_A_PATH;
  }

  /** The problem of the repository at `root`, looked up once. */
  repository(root: string, look: (root: string) => string | undefined): string | undefined {
    if (!this.#repositories.has(root)) this.#repositories.set(root, look(root));
    return this.#repositories.get(root);
  }
}

/**
 * Why a path is not looked at without asking: it leads out of the project, by links too, or looks like a secret. Undefined for one that may
 * be looked at. `listed`: only names are shown.
 */
export function pathProblem(word: Word, place: Place): string | undefined {
  const { text } = word;
  const told = text.slice(0, 80);
  if (word.tilde || text.startsWith('~')) return `${told} is outside of the project`;
  if (!word.literal && word.glob !== true) return `what ${told} stands for is not known`;
  if (posix.normalize(text).split('/').includes('..') || text.split('/').includes('..')) return `${told} may be outside of the project`;
  if (looksSecret(text)) return `${told} looks like a secret`;
  for (const folder of place.folders) {
    const problem = place.known.path(`${word.glob ? 'glob' : 'path'}\0${folder}\0${text}`, () =>
      word.glob ? globProblem(text, folder, place) : oneProblem(text, folder, place.root),
    );
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function oneProblem(path: string, folder: string, root: string): string | undefined {
  try {
    const full = containedPath(root, isAbsolute(path) ? path : resolve(folder, path), 'path');
    // A link with a harmless name may lead to one that is not.
    return [full.slice(root.length), relative(realOf(root), realOf(full))].some(looksSecret)
      ? `${path.slice(0, 80)} looks like a secret`
      : undefined;
  } catch {
    return `${path.slice(0, 80)} is outside of the project`;
  }
}

/** A glob in the last part of a path, over files of one kind that are no links. */
function globProblem(text: string, folder: string, { root, known }: Place): string | undefined {
  const at = text.lastIndexOf('/');
  const [parent, name] = at < 0 ? ['.', text] : [text.slice(0, at) || '/', text.slice(at + 1)];
  if (/[*?[]/.test(parent)) return `${text.slice(0, 80)}: which folders it takes in is not known`;
  const problem = oneProblem(parent, folder, root);
  if (problem !== undefined) return problem;
  const ending = /\.[A-Za-z0-9]+$/.exec(name)?.[0];
  if (ending === undefined || looksSecret(`x${ending}`)) return `${text.slice(0, 80)} takes in files that may be secret`;
  const entries = entriesOf(isAbsolute(parent) ? parent : join(folder, parent));
  known.charge(entries.length);
  if (entries.length > MAX_ENTRIES) return `${text.slice(0, 80)}: the folder has too many entries`;
  const strange = entries.find((entry) => entry.name.endsWith(ending) && (entry.isSymbolicLink() || looksSecret(entry.name)));
  if (strange) return `${text.slice(0, 80)} takes in ${strange.name.slice(0, 80)}, which may be outside of the project or a secret`;
  const option = at < 0 ? entries.find((entry) => entry.name.startsWith('-') && entry.name.endsWith(ending)) : undefined;
  return option && `${text.slice(0, 80)} takes in ${option.name.slice(0, 80)}, which may be taken for an option`;
}

/** Why the names that a glob gives are not shown without asking. */
export function namesProblem(text: string, place: Place): string | undefined {
  const at = text.search(/[*?[]/);
  if (text.slice(at).includes('/')) return `which folders ${text.slice(0, 80)} takes in is not known`;
  const parent = text.slice(0, text.lastIndexOf('/') + 1);
  return parent === '' ? undefined : pathProblem({ text: parent, literal: true }, place);
}

/** True for a folder, and for a path about which nothing is known. */
export function isFolder(word: Word, { folders }: Place): boolean {
  if (!word.literal) return true;
  try {
    return folders.some((folder) => statSync(resolve(folder, word.text), { throwIfNoEntry: false })?.isDirectory() ?? false);
  } catch {
    return true;
  }
}

/** The entries of a folder, one more than are looked at of a larger one. */
function entriesOf(folder: string): Dirent[] {
  const entries: Dirent[] = [];
  try {
    const open = opendirSync(folder, { bufferSize: 256 });
    try {
      for (let entry = open.readSync(); entry && entries.length <= MAX_ENTRIES; entry = open.readSync()) entries.push(entry);
    } finally {
      open.closeSync();
    }
  } catch {
    return [];
  }
  return entries;
}
