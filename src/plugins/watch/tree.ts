import { type Dirent, lstatSync, readdirSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** What is kept of one file or folder. */
export interface Seen {
  readonly kind: 'file' | 'folder' | 'link' | 'other';
  readonly bytes: number;
  /** Identity and times: different when it was written. */
  readonly mark: string;
  readonly changedAt: number;
}

export interface Change {
  readonly type: 'created' | 'changed' | 'deleted';
  /** Relative to the project root. */
  readonly path: string;
  readonly kind: Seen['kind'];
  readonly bytes: number;
}

/** What a folder tree held when it was last looked at, folder by folder. */
export class Tree {
  readonly #root: string;
  readonly #maxEntries: number;
  readonly #isLeftOut: (name: string) => boolean;
  readonly #folders = new Map<string, Map<string, Seen>>();
  #count = 0;

  /** `root`: its real path. `isLeftOut`: names that are not looked at, nor entered. */
  constructor(options: { root: string; maxEntries: number; isLeftOut: (name: string) => boolean }) {
    this.#root = options.root;
    this.#maxEntries = options.maxEntries;
    this.#isLeftOut = options.isLeftOut;
  }

  get folders(): Iterable<string> {
    return this.#folders.keys();
  }

  has(folder: string): boolean {
    return this.#folders.has(folder);
  }

  /** All that is known, by path. */
  *entries(): Iterable<[path: string, seen: Seen]> {
    for (const [folder, known] of this.#folders) for (const [name, seen] of known) yield [join(folder, name), seen];
  }

  /** Looks at one folder again, and at all of those that are new in it. Returns what is different. Throws over the limit. */
  look(folder: string): Change[] {
    const before = this.#folders.get(folder) ?? new Map<string, Seen>();
    const now = this.#list(folder);
    const changes: Change[] = [];
    if (!now) {
      if (this.#folders.has(folder)) this.#remove(folder, changes);
      return changes;
    }
    this.#folders.set(folder, now);
    this.#count += now.size - before.size;
    if (this.#count > this.#maxEntries)
      throw new Error(`there are more than ${this.#maxEntries} files here; watch a folder inside, or leave some out with ignore`);
    for (const [name, seen] of before) {
      const after = now.get(name);
      const path = join(folder, name);
      if (after?.kind === seen.kind) continue;
      if (seen.kind === 'folder') this.#forget(path, changes);
      changes.push({ type: 'deleted', path, kind: seen.kind, bytes: seen.bytes });
    }
    for (const [name, seen] of now) {
      const known = before.get(name);
      const path = join(folder, name);
      const { kind, bytes } = seen;
      if (known?.kind !== kind) {
        changes.push({ type: 'created', path, kind, bytes });
        if (kind === 'folder') changes.push(...this.look(path));
      } else if (kind !== 'folder' && known.mark !== seen.mark) {
        changes.push({ type: 'changed', path, kind, bytes });
      }
    }
    return changes;
  }

  /** Tells of it at once: it may be there again when its parent is looked at. */
  #remove(folder: string, changes: Change[]): void {
    this.#forget(folder, changes);
    const above = dirname(folder);
    const parent = this.#folders.get(above === '.' ? '' : above);
    const seen = parent?.get(basename(folder));
    if (!seen) return;
    parent?.delete(basename(folder));
    this.#count--;
    changes.push({ type: 'deleted', path: folder, kind: seen.kind, bytes: seen.bytes });
  }

  #forget(folder: string, changes: Change[]): void {
    const known = this.#folders.get(folder);
    if (!known) return;
    this.#folders.delete(folder);
    this.#count -= known.size;
    for (const [name, { kind, bytes }] of known) {
      if (kind === 'folder') this.#forget(join(folder, name), changes);
      changes.push({ type: 'deleted', path: join(folder, name), kind, bytes });
    }
  }

  /** What a folder holds; undefined when it is gone, or a link has taken its place or that of one above. */
  #list(folder: string): Map<string, Seen> | undefined {
    const path = join(this.#root, folder);
    let entries: Dirent[];
    try {
      if (realpathSync(path) !== path) return undefined;
      entries = readdirSync(path, { withFileTypes: true });
    } catch {
      return undefined;
    }
    const seen = new Map<string, Seen>();
    for (const { name } of entries) {
      if (this.#isLeftOut(name)) continue;
      try {
        const stat = lstatSync(join(path, name));
        const kind = stat.isFile() ? 'file' : stat.isDirectory() ? 'folder' : stat.isSymbolicLink() ? 'link' : 'other';
        const mark = `${stat.ino}:${stat.size}:${stat.mtimeMs}:${stat.ctimeMs}`;
        seen.set(name, { kind, bytes: stat.size, mark, changedAt: Math.max(stat.mtimeMs, stat.ctimeMs) });
      } catch {
        // Gone between the two looks.
      }
    }
    return seen;
  }
}
