import { lstatSync } from 'node:fs';
import { relative, sep } from 'node:path';
import { HeadgateError } from '../core/errors.ts';
import { isGlob } from '../core/glob.ts';
import { realContained } from '../hooks/contained-path.ts';
import type { FileAccess, FileListing, FileReader } from '../hooks/views.ts';
import type { FileChange, FileConstraint, PlannedChange } from '../model/file-change.ts';
import { applyChange, planChange } from './change.ts';
import { readContent, textOf } from './content.ts';
import { filePath, isFilePath, relativePath } from './file-path.ts';
import { type Bounds, openPlace } from './place.ts';
import { openReader } from './reader.ts';
import { FileRules, requirePattern } from './rules.ts';
import { listFiles } from './walk.ts';

export { FileRules, filePath, isFilePath, relativePath, requirePattern };

const MAX_PERSISTED = 20;

/** The files of one project under its constraints (SPEC {#files}). */
export class ProjectFiles implements FileAccess {
  readonly #bounds: Bounds;

  constructor(root: string, constraints: readonly FileConstraint[]) {
    this.#bounds = { root, rules: new FileRules(constraints, (relative) => realPathIn(root, relative)) };
  }

  kindOf(path: string): 'file' | 'folder' | 'glob' | 'none' {
    const relative = this.#relative(path);
    if (relative === '') return 'folder';
    const found = this.#look(relative);
    if (found === 'none' && isGlob(relative)) return 'glob';
    return found;
  }

  async open(path: string, signal?: AbortSignal): Promise<FileReader> {
    return await openReader(this.#bounds, this.#relative(path), signal);
  }

  async list(path: string, signal?: AbortSignal): Promise<FileListing> {
    return await listFiles(this.#bounds, this.#relative(path), signal);
  }

  hidden(path: string): boolean {
    try {
      return this.#bounds.rules.ignoredBy(this.#relative(path)) !== undefined;
    } catch (error) {
      if (error instanceof HeadgateError && error.kind === 'forbidden') return true;
      throw error;
    }
  }

  text(path: string): string | undefined {
    const content = readContent(this.#bounds, this.#relative(path));
    return content && textOf(content, path);
  }

  plan(change: FileChange): PlannedChange {
    const path = this.#relative(change.path);
    return planChange(this.#bounds, 'to' in change ? { ...change, path, to: this.#relative(change.to) } : { ...change, path });
  }

  /** As `plan`, of a change that has been planned before: its paths are relative to the root. */
  replan(change: FileChange): PlannedChange {
    return planChange(this.#bounds, change);
  }

  /** Carries out what was planned; throws `conflict` when the files are no longer what it was planned for. */
  apply(planned: Pick<PlannedChange, 'change' | 'before' | 'after'>): void {
    applyChange(this.#bounds, planned);
  }

  async persisted(signal?: AbortSignal): Promise<{ paths: string[]; more: number }> {
    const paths = new Set<string>();
    let more = 0;
    for (const pattern of this.#bounds.rules.patterns('persist')) {
      try {
        const found = await this.#taking(pattern, signal);
        for (const path of found.paths) paths.add(path);
        more += found.more;
      } catch (error) {
        // Gone, outside, or kept from the model: nothing is shown for it, and the others are.
        if (!(error instanceof HeadgateError) || !['not_found', 'forbidden', 'invalid_params'].includes(error.kind)) throw error;
      }
    }
    const all = [...paths];
    return { paths: all.slice(0, MAX_PERSISTED), more: more + Math.max(0, all.length - MAX_PERSISTED) };
  }

  /** The files that a pattern to persist takes in. */
  async #taking(pattern: string, signal: AbortSignal | undefined): Promise<{ paths: string[]; more: number }> {
    // A pattern without a slash holds in every folder.
    const wanted = pattern.includes('/') || !isGlob(pattern) ? pattern : `**/${pattern}`;
    const kind = this.kindOf(filePath(wanted));
    if (kind === 'file') return { paths: [filePath(wanted)], more: 0 };
    if (kind === 'none') return { paths: [], more: 0 };
    const { entries, more } = await listFiles(this.#bounds, kind === 'folder' ? `${wanted}/**` : wanted, signal);
    return { paths: entries.filter((one) => one.kind === 'file').map(({ path }) => path), more };
  }

  #relative(path: string): string {
    return relativePath(this.#bounds.root, path);
  }

  #look(relative: string): 'file' | 'folder' | 'none' {
    let place: ReturnType<typeof openPlace>;
    try {
      place = openPlace(this.#bounds, relative);
    } catch (error) {
      if (isNotFound(error) || (isGlob(relative) && !this.#bounds.rules.ignoredBy(relative))) return 'none';
      throw error;
    }
    try {
      const stats = lstatSync(place.at, { throwIfNoEntry: false });
      return stats === undefined ? 'none' : stats.isDirectory() ? 'folder' : 'file';
    } finally {
      place.close();
    }
  }
}

/** Where a file of the project really is; undefined when no link leads there, when it is not there, or outside. */
function realPathIn(root: string, path: string): string | undefined {
  try {
    const real = realContained(root, path, 'path');
    const inside = relative(real.root, real.path).split(sep).join('/');
    return inside === path || inside === '' ? undefined : inside;
  } catch {
    return undefined;
  }
}

function isNotFound(error: unknown): boolean {
  return error instanceof Error && 'kind' in error && error.kind === 'not_found';
}
