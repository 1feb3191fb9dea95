import { messageOf } from '../../../src/core/errors.ts';
import type { Runtime, RuntimeEvent } from '../../../src/rpc/client/index.ts';
import type { NotificationParamsOf, ResultOf } from '../../../src/rpc/protocol/table.ts';
import { LiveText } from './live-text.ts';
import { Observable } from './observable.ts';
import { type Item, kindOf, lacksBody, needsBody, Timeline } from './timeline.ts';

export type RunInfo = ResultOf<'getRun'>;

/** Items that are drawn at first, and how many more at a time; a run can have thousands. */
export const DRAWN = 150;
/** Entries that one listing answers; about every second is an item. */
const PAGE = 500;
/** What is listed with its body, the last `DRAWN` of each. */
const WORDS = ['prompt://*/user', 'prompt://*/message_*', 'log://*/model/*', 'log://*/loop/*', 'log://*/update/*'];
/** Lines that are read of the body of an action. */
const BODY_LINES = 400;
/** Entries that are read at the same time. */
const READERS = 4;

/** One run as it is shown: read once, then kept up by the events of the project. */
export class RunState extends Observable {
  readonly run: string;
  readonly #runtime: Runtime;
  readonly #timeline = new Timeline();
  readonly #live = new LiveText();
  readonly #stale = new Set<string>();
  /** Actions whose body was asked for. */
  readonly #opened = new Set<string>();
  /** What was told of before the end of the run was read: version of each entry when it was first told of. */
  readonly #told = new Map<string, number>();
  /** First entry of those that have been listed. */
  #oldest: string | undefined;
  #hasEarlier = true;
  #earlier: Promise<void> | undefined;
  #readers = 0;
  #loaded = false;
  #info: RunInfo | undefined;
  #failure: string | undefined;
  #asksForInfo = false;
  #phase = '';
  #items: readonly Item[] = [];

  constructor(runtime: Runtime, run: string) {
    super();
    this.#runtime = runtime;
    this.run = run;
    void this.#load();
  }

  get info(): RunInfo | undefined {
    return this.#info;
  }

  /** Why there is nothing to show. */
  get failure(): string | undefined {
    return this.#failure;
  }

  get loaded(): boolean {
    return this.#loaded;
  }

  get items(): readonly Item[] {
    return this.#items;
  }

  /** What the model says now. */
  get saying(): string {
    return this.#live.text;
  }

  /** What the turn is doing: `asking` while the model is waited for. */
  get phase(): string {
    return this.#phase;
  }

  /** True while entries before those that are there have not been read. */
  get hasEarlier(): boolean {
    return this.#hasEarlier;
  }

  /** Reads a page of what was before. */
  readEarlier(): Promise<void> {
    this.#earlier ??= this.#readPage()
      .catch((error: unknown) => {
        this.#failure = messageOf(error);
      })
      .finally(() => {
        this.#earlier = undefined;
        this.#show();
        this.#readStale();
      });
    return this.#earlier;
  }

  /** Reads what an action answered, unless it is here: somebody has opened it. */
  readBody({ path, entry }: Item): void {
    if (!entry || !lacksBody(entry) || this.#opened.has(path)) return;
    this.#opened.add(path);
    this.#read(path);
  }

  /** Takes an event of this run. */
  take({ name, params }: RuntimeEvent): void {
    switch (name) {
      case 'run/text':
        this.#live.take(params);
        return this.changed();
      case 'run/progress':
        this.#phase = params.phase;
        if (params.phase === 'asking') this.#live.clear();
        if (params.phase === 'done') this.#readInfo();
        return this.changed();
      case 'run/state':
        if (params.deleted) this.#failure = `The run ${this.run} was deleted.`;
        else this.#readInfo();
        if (params.status !== 102) this.#phase = '';
        if (this.#info) this.#info = { ...this.#info, status: params.status, outcome: params.outcome, turn: params.turn };
        return this.changed();
      case 'entry/changed':
        return this.#changed(params);
      case 'stream/started':
      case 'stream/ended':
      case 'stream/waiting':
      case 'stream/resumed':
      case 'run/proposal':
      case 'run/resolved':
        return this.#readInfo();
      default:
        return;
    }
  }

  async #load(): Promise<void> {
    try {
      const info = this.#runtime.look('getRun', { run: this.run }).then((read) => {
        this.#info = read;
      });
      await Promise.all([info, this.#readPage()]);
      while (this.#hasEarlier && this.#timeline.items.length < DRAWN) await this.#readPage();
    } catch (error) {
      this.#failure = messageOf(error);
    }
    this.#loaded = true;
    for (const [path, version] of this.#told) this.#changed({ path, version });
    this.#told.clear();
    this.#show();
    this.#readStale();
  }

  /** Reads the last entries of the run, or those before what has been read. */
  async #readPage(): Promise<void> {
    const oldest = this.#oldest;
    const where = { run: this.run, newest: true, ...(oldest === undefined ? {} : { before: oldest }) };
    const [page, ...words] = await Promise.all([
      this.#runtime.look('getEntries', { ...where, body: false, limit: PAGE }),
      ...WORDS.map((pattern) => this.#runtime.look('getEntries', { ...where, pattern, limit: DRAWN })),
    ]);
    this.#timeline.readBefore(page);
    for (const { path } of page) if (needsBody(path)) this.#stale.add(path);
    for (const entry of words.flat()) if (this.#timeline.read(entry) && !entry.truncated) this.#stale.delete(entry.path);
    this.#oldest = page[0]?.path ?? oldest;
    this.#hasEarlier = page.length === PAGE;
  }

  /** An entry is new, is another, or is gone. */
  #changed({ path, version, removed }: Pick<NotificationParamsOf<'entry/changed'>, 'path' | 'version' | 'removed'>): void {
    if (!this.#loaded) {
      // Its place is where the listing has it, and the last one only when it has it not.
      if (!this.#told.has(path)) this.#told.set(path, version);
    } else if (removed) {
      this.#timeline.remove(path);
      this.#show();
    } else if (this.#timeline.has(path) || version === 1 || !this.#hasEarlier) {
      if (this.#timeline.expect(path)) this.#read(path);
    }
  }

  #read(path: string): void {
    this.#stale.add(path);
    this.#readStale();
  }

  #readStale(): void {
    while (this.#readers < READERS && this.#stale.size > 0) {
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
    try {
      this.#timeline.read(await this.#runtime.look('get', { run: this.run, path, ...(needsBody(path) ? {} : { limit: BODY_LINES }) }));
      if (kindOf(path) === 'said') this.#live.clear();
    } catch {
      // Removed meanwhile, or the connection is over, which is told by itself.
      this.#timeline.remove(path);
    }
    this.#show();
  }

  #readInfo(): void {
    if (this.#asksForInfo) return;
    this.#asksForInfo = true;
    void this.#runtime
      .look('getRun', { run: this.run })
      .then((info) => {
        this.#info = info;
        this.changed();
      })
      .catch(() => {})
      .finally(() => {
        this.#asksForInfo = false;
      });
  }

  #show(): void {
    this.#items = this.#timeline.items;
    this.changed();
  }
}
