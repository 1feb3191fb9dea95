import { defined } from '../../../core/defined.ts';
import type { ResultOf } from '../../protocol/table.ts';
import type { RuntimeEvent } from '../event-stream.ts';
import type { Runtime } from '../runtime.ts';
import { entryPage } from './entries.ts';
import { type Item, kindOf, RunModel, type Stale } from './run-model.ts';
import type { RunName } from './run-name.ts';
import { type Entry, toolOfPath } from './step.ts';

export type RunInfo = ResultOf<'getRun'>;

/** Entries of one page; about every second is an item. */
const PAGE = 500;
/** Texts of each kind that are read with a page; earlier ones are read one by one. */
const TEXTS = 150;
/** Entries that people read without opening them. */
const READ_WITH_TEXT = ['prompt://*/user', 'prompt://*/message_*', 'log://*/model/*', 'log://*/loop/*', 'log://*/update/*'];
/** Entries that are read at the same time. */
const READERS = 4;

/** What the view of a run implements. */
export interface RunReaderListener {
  /** The model, or `info`, is another one. */
  changed(): void;
  /** The server refused a read; what was read before stays. */
  failed(error: unknown): void;
  /** An entry was read after an event. */
  read?(path: string): void;
}

/**
 * Keeps the model of a run: the last page of its entries first, then what happens, and on demand what was before. Bodies are read where
 * people see them. It follows the run when it is renamed (SPEC {#run_reader}).
 *
 * @example
 * ```ts
 * import { RunName, RunReader, type Runtime } from 'headgate/client';
 *
 * // Calls `draw` with the number of items whenever something in the run has changed.
 * export async function watch(runtime: Runtime, run: string, draw: (items: number) => void): Promise<void> {
 *   const events = runtime.events({ run });
 *   const reader = new RunReader(runtime, new RunName(run), {
 *     changed: () => draw(reader.model.items.length),
 *     failed: (error) => console.error(error),
 *   });
 *   await reader.open(100);
 *   for await (const event of events) reader.take(event);
 * }
 * ```
 */
export class RunReader {
  readonly model = new RunModel();
  readonly name: RunName;
  readonly #runtime: Runtime;
  readonly #listener: RunReaderListener;
  readonly #bodyLines: number | undefined;
  readonly #stale = new Set<string>();
  /** Entries that are read because an event told of them. */
  readonly #told = new Set<string>();
  /** Steps whose text was asked for. */
  readonly #opened = new Set<string>();
  /** Events that came before the first page. */
  #early: RuntimeEvent[] | undefined = [];
  #info: RunInfo | undefined;
  /** The first entry that was read. */
  #oldest: string | undefined;
  #hasEarlier = true;
  #earlier: Promise<void> | undefined;
  #readers = 0;
  #readsInfo = false;
  #isInfoStale = false;
  #closed = false;

  /** @param options - `bodyLines`: lines that are read of a step's text, all by default */
  constructor(runtime: Runtime, run: RunName, listener: RunReaderListener, { bodyLines }: { bodyLines?: number } = {}) {
    this.#runtime = runtime;
    this.name = run;
    this.#listener = listener;
    this.#bodyLines = bodyLines;
  }

  /** What `getRun` returned last, with the status that events told since. */
  get info(): RunInfo | undefined {
    return this.#info;
  }

  /** True while entries before those that were read have not been read. */
  get hasEarlier(): boolean {
    return this.#hasEarlier;
  }

  /** Reads the run and the end of its entries, at least `items` of them, and takes the events that came meanwhile. Throws what the server refuses. */
  async open(items: number): Promise<void> {
    await Promise.all([this.#readInfo(), this.#readPage()]);
    while (this.#hasEarlier && this.model.items.length < items) await this.#readPage();
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const event of early) this.#take(event);
    this.#readStale();
    this.#listener.changed();
  }

  /** Reads a page of what was before. */
  readEarlier(): Promise<void> {
    this.#earlier ??= this.#readPage()
      .catch((error: unknown) => this.#listener.failed(error))
      .finally(() => {
        this.#earlier = undefined;
        this.#listener.changed();
        this.#readStale();
      });
    return this.#earlier;
  }

  /** Reads the text of a step unless it is here or on its way: a person looks at the step. */
  readText(item: Item): void {
    if (item.kind !== 'step' || item.text !== '' || item.bytes === 0 || this.#opened.has(item.id)) return;
    this.#opened.add(item.id);
    this.#read(item.id);
  }

  /** Takes an event of the run; those that come before `open` has read it are taken then. */
  take(event: RuntimeEvent): void {
    this.name.take(event);
    if (this.#early) this.#early.push(event);
    else {
      this.#take(event);
      this.#listener.changed();
    }
  }

  /** Reads nothing more. */
  close(): void {
    this.#closed = true;
    this.#stale.clear();
  }

  #take(event: RuntimeEvent): void {
    const { entry, run }: Stale = this.model.apply(event);
    if (event.name === 'run/state' && this.#info) {
      const { status, outcome, turn } = event.params;
      this.#info = { ...this.#info, status, outcome, turn };
    }
    if (run && !this.model.run.deleted) this.#readInfoAgain();
    if (entry === undefined) return;
    this.#told.add(entry);
    this.#read(entry);
  }

  /** Reads the last entries of the run, or those before what was read. */
  async #readPage(): Promise<void> {
    const oldest = this.#oldest;
    const where = { newest: true, ...defined({ before: oldest }) };
    const [{ rows: page, isLast }, ...texts] = await this.name.ask(async (run) => {
      const read = (query: object, limit: number) => entryPage(this.#runtime, { run, ...where, ...query, limit });
      return await Promise.all([read({ body: false }, PAGE), ...READ_WITH_TEXT.map((pattern) => read({ pattern }, TEXTS))]);
    });
    this.#hasEarlier = !isLast;
    this.model.setPage(page, isLast);
    const missing = new Set(page.filter(lacksText).map(({ path }) => path));
    for (const entry of texts.flatMap(({ rows }) => rows)) {
      // An entry that was made after the page was read has an event of its own.
      if (!missing.has(entry.path)) continue;
      this.model.setEntry(entry);
      if (!entry.truncated) missing.delete(entry.path);
    }
    for (const path of missing) this.#stale.add(path);
    this.#oldest = page[0]?.path ?? oldest;
  }

  #read(path: string): void {
    this.#stale.add(path);
    this.#readStale();
  }

  #readStale(): void {
    while (this.#readers < READERS && this.#stale.size > 0 && !this.#closed) {
      const [path] = this.#stale;
      if (path === undefined) return;
      this.#stale.delete(path);
      this.#readers++;
      void this.#readOne(path).finally(() => {
        this.#readers--;
        this.#readStale();
      });
    }
  }

  async #readOne(path: string): Promise<void> {
    const lines = kindOf(path) === 'step' && !isRead(path) && this.#bodyLines !== undefined ? { limit: this.#bodyLines } : {};
    try {
      this.model.setEntry(await this.name.ask(async (run) => await this.#runtime.look('get', { run, path, ...lines })));
    } catch {
      // Either the entry was removed meanwhile, and its event says so, or the connection is lost, and its listeners are called.
      return;
    }
    if (this.#closed) return;
    this.#listener.changed();
    if (this.#told.delete(path)) this.#listener.read?.(path);
  }

  async #readInfo(): Promise<void> {
    this.#info = await this.name.ask(async (run) => await this.#runtime.look('getRun', { run }));
    this.model.setRun(this.#info);
  }

  /** Reads `getRun` after an event; events that come while that is under way have it read once more. */
  #readInfoAgain(): void {
    this.#isInfoStale = true;
    if (this.#readsInfo || this.#closed) return;
    this.#readsInfo = true;
    this.#isInfoStale = false;
    void this.#readInfo()
      .then(() => this.#listener.changed())
      .catch(() => {})
      .finally(() => {
        this.#readsInfo = false;
        if (this.#isInfoStale) this.#readInfoAgain();
      });
  }
}

/** True for an entry of which people read the text without opening it. */
function isRead(path: string): boolean {
  const kind = kindOf(path);
  return kind === 'step' ? toolOfPath(path) === 'update' : kind !== undefined;
}

function lacksText({ path, body, bytes }: Entry): boolean {
  return isRead(path) && body === '' && bytes > 0;
}
