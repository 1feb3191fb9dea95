import { type Dirent, opendirSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { systemClock } from '../../core/clock.ts';
import { defined } from '../../core/defined.ts';
import { messageOf } from '../../core/errors.ts';
import { slices } from '../../core/slice-turns.ts';
import { readSmallFile } from '../../core/small-file.ts';
import { containedPath } from '../../hooks/contained-path.ts';
import type { Guide, GuideText } from '../../hooks/views.ts';
import { type GuideFile, parseGuide } from './guide-file.ts';

/** Bytes of a skill's or persona's file at most, and of one more file of a skill. */
export const MAX_GUIDE_BYTES = 64 * 1024;
/** Entries of one folder that are looked at, and files of one skill that are named. */
const MAX_GUIDES = 200;
const MAX_FILES = 100;
/** Entries of one folder that are read, and folders of one skill. */
const MAX_ENTRIES = 2000;
const MAX_FOLDERS = 100;
/** What is kept of files that were read. */
const KEPT = 2000;
/** A file that was changed so lately may be changed again without another time (milliseconds). */
const SETTLED_MS = 100;

type Kind = 'skills' | 'personas';

type Head = Pick<Guide, 'name' | 'description'>;

/** What a file said when it had this time, size and number. */
interface Kept {
  readonly stamp: string;
  readonly head?: Head;
  readonly problem?: string;
}

/** A folder that guides are looked for in. */
interface Source {
  readonly name: Guide['source'];
  readonly folder: string;
  /** Files are inside of this, links resolved; the user's own links are followed. */
  readonly root?: string;
}

/**
 * Skills and personas as they lie in folders: `.headgate/skills` and `.headgate/personas` of a project, then those of the user
 * (SPEC {#skills}). Folders are looked at each time, and a file is read again when it has changed, so that an edit counts at once.
 */
export class Guides {
  readonly #userFolder: string | undefined;
  readonly #kept = new Map<string, Kept>();

  /** `userFolder` holds the user's `skills` and `personas`; undefined: the user has neither. */
  constructor(userFolder: string | undefined) {
    this.#userFolder = userFolder;
  }

  /** Everything that there is of a kind, by name; the project's before the user's of the same name. What cannot be used has a `problem`. */
  list(kind: Kind, projectRoot: string): Guide[] {
    const found = new Map<string, Guide>();
    for (const source of this.#sources(kind, projectRoot)) {
      for (const guide of this.#in(kind, source)) if (!found.has(guide.name)) found.set(guide.name, guide);
    }
    return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /**
   * Reads what has changed, others served in between, so that `list` and `read` do not stop the server when they come next (SPEC {#no_pause}).
   * What a file says is kept by its time, size and number.
   */
  async refresh(kind: Kind, projectRoot: string): Promise<void> {
    const slice = slices.begin();
    for (const source of this.#sources(kind, projectRoot)) {
      for (const _ of this.#in(kind, source)) {
        if (slice.isOver) await slice.next();
      }
    }
  }

  /** One by name, with its text and the names of the other files of its folder; undefined if no usable one has that name. */
  read(kind: Kind, projectRoot: string, name: string): GuideText | undefined {
    for (const source of this.#sources(kind, projectRoot)) {
      const guide = [...this.#in(kind, source)].find((one) => one.name === name);
      if (!guide) continue;
      if (guide.problem !== undefined) return undefined;
      const text = textOf(source, guide);
      if (text === undefined) return undefined;
      return { ...guide, text, files: guide.folder === undefined ? [] : filesOf(guide.folder, guide.file) };
    }
    return undefined;
  }

  /** One more file of a skill's folder. Throws `forbidden` for one outside, and what reading it throws. */
  readFile(projectRoot: string, skill: GuideText, file: string): string {
    const source = this.#sources('skills', projectRoot).find(({ name }) => name === skill.source);
    const path = containedPath(skill.folder ?? '', file, 'file');
    return readText(source?.root === undefined ? path : containedPath(source.root, path, 'file'));
  }

  *#in(kind: Kind, source: Source): Generator<Guide> {
    for (const { name: entry } of entriesIn(source.folder, source.root).slice(0, MAX_GUIDES)) {
      const place = placeOf(kind, source.folder, entry);
      if (!place) continue;
      const facts = { source: source.name, file: place.file, ...defined({ folder: place.folder }) };
      try {
        yield { ...this.#head(source, place.file, place.name), ...facts };
      } catch (error) {
        yield { name: place.name, description: '', ...facts, problem: messageOf(error) };
      }
    }
  }

  /** Name and description of a file; throws what is wrong with it. */
  #head(source: Source, file: string, name: string): Head {
    const path = source.root === undefined ? file : containedPath(source.root, file, 'file');
    const stats = statSync(path, { bigint: true });
    const stamp = [stats.mtimeNs, stats.ctimeNs, stats.size, stats.ino, stats.dev].join();
    const kept = this.#kept.get(path);
    if (kept?.stamp === stamp) return headOf(kept);
    this.#kept.delete(path);
    const read = readHead(path, name);
    const isSettled = systemClock.now() - Number(stats.ctimeMs) > SETTLED_MS;
    if (this.#kept.size >= KEPT) this.#kept.clear();
    if (isSettled) this.#kept.set(path, { stamp, ...read });
    return headOf(read);
  }

  #sources(kind: Kind, projectRoot: string): Source[] {
    const project: Source = { name: 'project', folder: join(projectRoot, '.headgate', kind), root: projectRoot };
    if (this.#userFolder === undefined) return [project];
    const folder = join(this.#userFolder, kind);
    return [project, { name: 'user', folder }];
  }
}

function readHead(path: string, fallbackName: string): Omit<Kept, 'stamp'> {
  try {
    const { name, description } = parseGuide(readText(path), fallbackName);
    return { head: { name, description } };
  } catch (error) {
    return { problem: messageOf(error) };
  }
}

function headOf({ head, problem }: Omit<Kept, 'stamp'>): Head {
  if (!head) throw new Error(problem);
  return head;
}

/** A folder with SKILL.md, or one Markdown file; a persona is a file. */
function placeOf(kind: Kind, folder: string, entry: string): { name: string; file: string; folder?: string } | undefined {
  if (entry.endsWith('.md')) return { name: entry.slice(0, -3), file: join(folder, entry) };
  const own = join(folder, entry);
  const file = join(own, 'SKILL.md');
  return kind === 'skills' && isFile(file) ? { name: entry, file, folder: own } : undefined;
}

function parsed(source: Source, file: string, name: string): GuideFile {
  return parseGuide(readText(source.root === undefined ? file : containedPath(source.root, file, 'file')), name);
}

/** Text of a file of 64 KiB at most. Throws for a bigger file, and for a path that is not a regular file. */
function readText(path: string): string {
  return readSmallFile(path, MAX_GUIDE_BYTES, { links: true });
}

/** The text of a guide; undefined for one that has become something else since it was found. */
function textOf(source: Source, { file, name }: Guide): string | undefined {
  try {
    return parsed(source, file, name).text;
  } catch {
    return undefined;
  }
}

/** False also for what cannot be looked at, such as a loop of links. */
function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** Names of a folder that are not hidden, in their order; an empty list for a path that is not a folder, cannot be read, or leads out of `root` by a link. */
function entriesIn(folder: string, root?: string): Dirent[] {
  try {
    const real = root === undefined ? folder : containedPath(root, folder, 'folder');
    const entries: Dirent[] = [];
    const open = opendirSync(real);
    try {
      for (let entry = open.readSync(); entry && entries.length < MAX_ENTRIES; entry = open.readSync())
        if (!entry.name.startsWith('.')) entries.push(entry);
    } finally {
      open.closeSync();
    }
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch {
    return [];
  }
}

/** Paths of the other files of a skill, relative to its folder; folders that are links are not entered. */
function filesOf(folder: string, main: string): string[] {
  const files: string[] = [];
  let folders = 0;
  const look = (at: string, depth: number) => {
    folders += 1;
    if (folders > MAX_FOLDERS) return;
    for (const entry of entriesIn(at)) {
      if (files.length >= MAX_FILES) return;
      const path = join(at, entry.name);
      if (entry.isDirectory() && depth < 4) look(path, depth + 1);
      else if (entry.isFile() && path !== main) files.push(relative(folder, path));
    }
  };
  look(folder, 0);
  return files;
}
