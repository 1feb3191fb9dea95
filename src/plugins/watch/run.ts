import { type FSWatcher, realpathSync, watch } from 'node:fs';
import { join, relative } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isMissing, messageOf } from '../../core/errors.ts';
import { containedPath } from '../../hooks/contained-path.ts';
import type { ProducerIo, ProducerResult } from '../../hooks/producer.ts';
import { endsInLine, lastNumber, lastTime } from './lines.ts';
import { type Change, Tree } from './tree.ts';

/** Between the first sign of a change and the look: what is written in one go is one change (milliseconds). */
const DEBOUNCE_MS = 100;
/** Between two looks at folders that the system does not tell of (milliseconds). */
const POLL_MS = 2000;
const MAX_ENTRIES = 100_000;

/** What was accepted. */
export interface WatchInput {
  readonly path: string;
  readonly ignore: readonly string[];
}

/** Tells of every file that comes, changes or goes below a folder, a JSON line each (SPEC {#tool_watch}). */
export async function runWatch(input: WatchInput, io: ProducerIo): Promise<ProducerResult> {
  const watching = new Watching(input, io);
  try {
    await watching.run();
  } finally {
    watching.close();
  }
  return {};
}

class Watching {
  readonly #input: WatchInput;
  readonly #io: ProducerIo;
  readonly #root: string;
  readonly #folder: string;
  readonly #tree: Tree;
  readonly #watchers = new Map<string, FSWatcher>();
  /** Folders to be looked at again, and those that nothing tells of. */
  #due = new Set<string>();
  readonly #polled = new Set<string>();
  #wake: () => void = () => {};
  #number: number;

  constructor(input: WatchInput, io: ProducerIo) {
    this.#input = input;
    this.#io = io;
    this.#root = realpathSync(io.project.root);
    this.#folder = relative(this.#root, realpathSync(containedPath(io.project.root, input.path, 'path')));
    const left = new Set(input.ignore);
    this.#tree = new Tree({ root: this.#root, maxEntries: MAX_ENTRIES, isLeftOut: (name) => left.has(name) });
    this.#number = lastNumber(io);
  }

  async run(): Promise<void> {
    const { signal } = this.#io;
    const since = this.#io.resumed ? lastTime(this.#io) : undefined;
    signal.addEventListener('abort', () => this.#wake(), { once: true });
    for (const channel of [1, 2]) if (endsInLine(this.#io, channel)) await this.#io.write(channel, '\n');
    this.#begin(this.#folder);
    await this.#note(
      since === undefined ? { type: 'watching', path: this.#input.path } : { type: 'resumed', since: new Date(since).toISOString() },
    );
    if (since !== undefined) await this.#tellOfAbsence(since);
    for (;;) {
      await this.#sign(signal);
      signal.throwIfAborted();
      await delay(DEBOUNCE_MS, undefined, { signal }).catch(() => undefined);
      signal.throwIfAborted();
      const due = [...this.#due];
      this.#due = new Set();
      for (const folder of due) await this.#tell(this.#look(folder));
      if (!this.#tree.has(this.#folder)) throw new Error(`${this.#input.path} is gone, so there is nothing left to watch`);
    }
  }

  close(): void {
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  /** Everything as it is now, without telling of it. Watched before it is looked at, so that nothing falls between. */
  #begin(folder: string): void {
    this.#watch(folder);
    this.#tree.look(folder);
    // Folders that came between the look and their watch show with the next look.
    for (const inner of [...this.#tree.folders]) {
      this.#watch(inner);
      this.#due.add(inner);
    }
  }

  /** The watch is renewed first: the folder may have been removed since, and another one have its name. */
  #look(folder: string): Change[] {
    this.#watch(folder);
    const changes = this.#tree.look(folder);
    for (const { type, path, kind } of changes) {
      if (kind !== 'folder') continue;
      if (type === 'deleted') {
        this.#unwatch(path);
        this.#polled.delete(path);
      } else {
        this.#watch(path);
        this.#due.add(path);
      }
    }
    if (!this.#tree.has(folder)) this.#unwatch(folder);
    // It came between the attempt to watch it and the look.
    else if (!this.#watchers.has(folder) && !this.#polled.has(folder)) this.#due.add(folder);
    return changes;
  }

  #watch(folder: string): void {
    if (this.#polled.has(folder)) return;
    const old = this.#watchers.get(folder);
    this.#watchers.delete(folder);
    try {
      const watcher = watch(join(this.#root, folder), { persistent: false }, () => this.#mark(folder));
      watcher.on('error', () => {
        this.#unwatch(folder);
        this.#mark(folder);
      });
      this.#watchers.set(folder, watcher);
    } catch (error) {
      if (isMissing(error)) return;
      // The system's limit of watches is reached: it is looked at now and then instead.
      if (this.#polled.size === 0)
        void this.#note({ type: 'polling', path: folder, message: messageOf(error), everyMs: POLL_MS }).catch(() => undefined);
      this.#polled.add(folder);
    } finally {
      // Not before the new one is there: nothing is missed between them, nor watched again where the folder is the same.
      old?.close();
    }
  }

  #unwatch(folder: string): void {
    this.#watchers.get(folder)?.close();
    this.#watchers.delete(folder);
  }

  #mark(folder: string): void {
    this.#due.add(folder);
    this.#wake();
  }

  /** Resolves when some folder is to be looked at, or at the abort. */
  async #sign(signal: AbortSignal): Promise<void> {
    if (this.#due.size > 0 || signal.aborted) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (this.#polled.size > 0) timer = setTimeout(resolve, POLL_MS);
    });
    clearTimeout(timer);
    for (const folder of this.#polled) this.#due.add(folder);
  }

  /** What a constraint keeps from models is not told of (SPEC {#file_constraints}). */
  async #tell(all: readonly Change[], more: object = {}): Promise<void> {
    const changes = all.filter(({ path }) => !this.#io.hidden(path));
    if (changes.length === 0) return;
    const at = new Date().toISOString();
    const lines = changes.map((change) => `${JSON.stringify({ n: ++this.#number, at, ...change, ...more })}\n`);
    await this.#io.write(1, lines.join(''));
  }

  /** After a restart: files that were written since the last line. What was deleted meanwhile cannot be known. */
  async #tellOfAbsence(since: number): Promise<void> {
    const changes: Change[] = [];
    for (const [path, { kind, bytes, changedAt }] of this.#tree.entries())
      if (kind !== 'folder' && changedAt > since) changes.push({ type: 'changed', path, kind, bytes });
    await this.#tell(changes, { away: true });
  }

  async #note(note: object): Promise<void> {
    await this.#io.write(2, `${JSON.stringify({ at: new Date().toISOString(), ...note })}\n`);
  }
}
