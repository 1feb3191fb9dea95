import { readdirSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { isHeadgateError, messageOf, systemCode } from '../../core/errors.ts';
import { readSmallFile } from '../../core/small-file.ts';
import { containedPath } from '../../hooks/contained-path.ts';
import type { Guide, GuideText } from '../../hooks/views.ts';
import { type GuideFile, parseGuide } from './guide-file.ts';

/** Bytes of a skill's or persona's file at most, and of one more file of a skill. */
export const MAX_GUIDE_BYTES = 64 * 1024;
/** Entries of one folder that are looked at, and files of one skill that are named. */
const MAX_GUIDES = 200;
const MAX_FILES = 100;

type Kind = 'skills' | 'personas';

/** A folder that guides are looked for in. */
interface Source {
  readonly name: Guide['source'];
  readonly folder: string;
  /** Files are inside of this, links resolved; the user's own links are followed. */
  readonly root?: string;
}

/**
 * Skills and personas as they lie in folders: `.headgate/skills` and `.headgate/personas` of a project, then those of the user
 * (SPEC {#skills}). Read anew each time, so that an edit counts at once.
 */
export class Guides {
  readonly #userFolder: string | undefined;

  /** `userFolder` holds the user's `skills` and `personas`; undefined: there are none. */
  constructor(userFolder: string | undefined) {
    this.#userFolder = userFolder;
  }

  /** Everything that there is of a kind, by name; the project's before the user's of the same name. What cannot be used has a `problem`. */
  list(kind: Kind, projectRoot: string): Guide[] {
    const found = new Map<string, Guide>();
    for (const source of this.#sources(kind, projectRoot)) {
      for (const guide of guidesIn(kind, source)) if (!found.has(guide.name)) found.set(guide.name, guide);
    }
    return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** One by name, with its text and the names of the other files of its folder; undefined when there is none that can be used. */
  read(kind: Kind, projectRoot: string, name: string): GuideText | undefined {
    for (const source of this.#sources(kind, projectRoot)) {
      const guide = guidesIn(kind, source).find((one) => one.name === name);
      if (!guide) continue;
      if (guide.problem !== undefined) return undefined;
      const { text } = parsed(source, guide.file, guide.name);
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

  #sources(kind: Kind, projectRoot: string): Source[] {
    const project: Source = { name: 'project', folder: join(projectRoot, '.headgate', kind), root: projectRoot };
    if (this.#userFolder === undefined) return [project];
    const folder = join(this.#userFolder, kind);
    return [project, { name: 'user', folder }];
  }
}

function guidesIn(kind: Kind, source: Source): Guide[] {
  const guides: Guide[] = [];
  for (const entry of namesIn(source.folder).slice(0, MAX_GUIDES)) {
    const place = placeOf(kind, source.folder, entry);
    if (!place) continue;
    const facts = { source: source.name, file: place.file, ...(place.folder === undefined ? {} : { folder: place.folder }) };
    try {
      const { name, description } = parsed(source, place.file, place.name);
      guides.push({ name, description, ...facts });
    } catch (error) {
      guides.push({ name: place.name, description: '', ...facts, problem: messageOf(error) });
    }
  }
  return guides;
}

/** A folder with SKILL.md, or one Markdown file; a persona is a file. */
function placeOf(kind: Kind, folder: string, entry: string): { name: string; file: string; folder?: string } | undefined {
  if (entry.endsWith('.md')) return { name: entry.slice(0, -3), file: join(folder, entry) };
  const own = join(folder, entry);
  const file = join(own, 'SKILL.md');
  return kind === 'skills' && statSync(file, { throwIfNoEntry: false })?.isFile() ? { name: entry, file, folder: own } : undefined;
}

function parsed(source: Source, file: string, name: string): GuideFile {
  return parseGuide(readText(source.root === undefined ? file : containedPath(source.root, file, 'file')), name);
}

/** Text of a file of 64 KiB at most. Throws for a bigger one, and for what is no regular file. */
function readText(path: string): string {
  return readSmallFile(path, MAX_GUIDE_BYTES, { links: true });
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => !name.startsWith('.'))
      .sort();
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR' || isHeadgateError(error)) return [];
    throw error;
  }
}

/** Paths of the other files of a skill, relative to its folder; folders that are links are not entered. */
function filesOf(folder: string, main: string): string[] {
  const files: string[] = [];
  const look = (at: string, depth: number) => {
    for (const entry of readdirSync(at, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (files.length >= MAX_FILES || entry.name.startsWith('.')) continue;
      const path = join(at, entry.name);
      if (entry.isDirectory() && depth < 4) look(path, depth + 1);
      else if (entry.isFile() && path !== main) files.push(relative(folder, path));
    }
  };
  look(folder, 0);
  return files;
}
