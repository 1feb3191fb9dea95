import { type Dirent, readdirSync, statSync } from 'node:fs';
import { isAbsolute, join, posix, relative, resolve } from 'node:path';
import { containedPath, realOf } from '../../hooks/contained-path.ts';
import type { Word } from '../shell/command.ts';
import { looksSecret } from './secrets.ts';

/** Entries of a folder beyond which a glob in it is not looked at. */
const MAX_ENTRIES = 5000;

/** Where a command that looks is run. */
export interface Place {
  readonly root: string;
  /** Folders in which it may be, `cd` considered. */
  readonly folders: readonly string[];
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
    const problem = word.glob ? globProblem(text, folder, place.root) : oneProblem(text, folder, place.root);
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
function globProblem(text: string, folder: string, root: string): string | undefined {
  const at = text.lastIndexOf('/');
  const [parent, name] = at < 0 ? ['.', text] : [text.slice(0, at) || '/', text.slice(at + 1)];
  if (/[*?[]/.test(parent)) return `${text.slice(0, 80)}: which folders it takes in is not known`;
  const problem = oneProblem(parent, folder, root);
  if (problem !== undefined) return problem;
  const ending = /\.[A-Za-z0-9]+$/.exec(name)?.[0];
  if (ending === undefined || looksSecret(`x${ending}`)) return `${text.slice(0, 80)} takes in files that may be secret`;
  const entries = entriesOf(isAbsolute(parent) ? parent : join(folder, parent));
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

function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}
