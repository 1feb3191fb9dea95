import { defined } from '../../../core/defined.ts';
import { isEnd } from '../../../core/end-status.ts';
import type { NotificationParamsOf, ResultOf } from '../../protocol/table.ts';
import type { RuntimeEvent } from '../event-stream.ts';
import { endWord } from './end-word.ts';
import { LiveWords } from './live-words.ts';
import { changed, type Entry, isLive, isOver, type Step, stateOf, stepOf, type Text, textOf, turnOfPath } from './step.ts';

/** What a person or a client said to the model. */
export interface Prompt extends Text {
  readonly kind: 'prompt';
  /** Path of its entry. */
  readonly id: string;
  readonly turn: number;
}

/** What the model said in a turn; not all of it yet while `live`. */
export interface Words extends Text {
  readonly kind: 'words';
  readonly id: string;
  readonly turn: number;
  readonly live: boolean;
}

/** Why a loop failed or went no further. */
export interface Trouble extends Text {
  readonly kind: 'trouble';
  readonly id: string;
  readonly turn: number;
}

/** What the server or a plugin has to say; no entry has it. */
export interface Notice {
  readonly kind: 'notice';
  readonly id: string;
  readonly turn: number;
  readonly level: 'info' | 'warn' | 'error';
  /** `run`: it says how the run ended. */
  readonly from: 'run' | 'plugin';
  readonly text: string;
}

export type Item = Prompt | Words | Trouble | Notice | Step;

/** A run as the server told of it last. */
export interface RunFacts {
  readonly title: string | null;
  readonly status: number;
  readonly outcome: string | null;
  readonly model: string;
  /** The agent that drives it, where it is not the built-in loop. */
  readonly agent?: string | undefined;
  readonly turn: number;
  /** What the turn is at: `asking` while the model is waited for. */
  readonly phase: string;
  readonly deleted: boolean;
}

type Meter = Pick<ResultOf<'getRun'>['turns'][number], 'turn' | 'usage' | 'cost'>;

/** What has to be read after an event: an entry, `getRun`, or both. */
export interface Stale {
  readonly entry?: string | undefined;
  readonly run?: true;
}

const NOTHING: Stale = {};
const RUN: Stale = { run: true };
const NO_TEXT: Text = { text: '', bytes: 0, isCut: false, version: 0 };

/** What an entry of that path is in a run as people see it; undefined for an entry that they do not see. */
export function kindOf(path: string): Exclude<Item['kind'], 'notice'> | undefined {
  if (/^prompt:\/\/loop_\d+\/(user|message_\d+)$/.test(path)) return 'prompt';
  if (!path.startsWith('log://')) return undefined;
  if (path.endsWith('/model/text')) return 'words';
  return /^log:\/\/[^/]+\/(model|loop)\//.test(path) ? 'trouble' : 'step';
}

/**
 * What happened in a run, in order: a fold over the pages of its entries and over its events. Both may tell the same, each more than
 * once; each thing is in it once, and nothing goes back. It makes no call (SPEC {#run_model}).
 *
 * @example
 * ```ts
 * import { RunModel, type Runtime, stateWord } from 'headgate/client';
 *
 * // What happened in a run until now, a line for each action.
 * export async function linesOf(runtime: Runtime, run: string): Promise<string[]> {
 *   const model = new RunModel();
 *   model.setPage(await runtime.look('getEntries', { run }), true);
 *   for await (const event of runtime.events({ run, since: 0 })) {
 *     model.apply(event);
 *     if (event.name === 'replay/synced') break;
 *   }
 *   return model.items.flatMap((item) => (item.kind === 'step' ? `${item.title}: ${stateWord(item)}` : []));
 * }
 * ```
 */
export class RunModel {
  #order: string[] = [];
  readonly #placed = new Set<string>();
  readonly #items = new Map<string, Item>();
  /** Entries that are gone, and the version in which they went. */
  readonly #removed = new Map<string, number>();
  readonly #meters = new Map<number, Meter>();
  readonly #words = new LiveWords();
  #facts: RunFacts = { title: null, status: 100, outcome: null, model: '', turn: 0, phase: '', deleted: false };
  #seq = 0;
  #notices = 0;
  #isWhole = false;

  /** Those with something to show, in order. */
  get items(): readonly Item[] {
    return this.#order.flatMap((id) => {
      const item = this.#items.get(id);
      return item && (item.kind === 'step' || item.text !== '' || (item.kind !== 'notice' && item.bytes > 0)) ? item : [];
    });
  }

  get run(): RunFacts {
    return this.#facts;
  }

  /** Tokens and cost of each turn. */
  get meters(): readonly Meter[] {
    return [...this.#meters.values()];
  }

  item(id: string | undefined): Item | undefined {
    return id === undefined ? undefined : this.#items.get(id);
  }

  step(path: string): Step | undefined {
    const item = this.#items.get(path);
    return item?.kind === 'step' ? item : undefined;
  }

  /** Steps that wait for an answer, oldest first. */
  get proposals(): readonly Step[] {
    return this.#steps(({ state }) => state === 'proposed');
  }

  /** Commands that run, oldest first. */
  get running(): readonly Step[] {
    return this.#steps(isLive);
  }

  /** Takes what `getRun` returns. */
  setRun(run: ResultOf<'getRun'>): void {
    const { status, outcome, model, agent, title, turn } = run;
    this.#facts = { ...this.#facts, status, outcome, model, agent, title, turn };
    for (const meter of run.turns) this.#meters.set(meter.turn, meter);
  }

  /** Takes what `stream/list` returns of a command. */
  setProducer({ path, startedAt, endedAt, backend, channels, exit_code, signal }: ResultOf<'stream/list'>[number]): void {
    const known = this.step(path);
    this.#change(path, {
      backend,
      channels,
      startedAt: startedAt ?? undefined,
      durationMs: startedAt === null || endedAt === null ? known?.durationMs : endedAt - startedAt,
      exitCode: exit_code ?? known?.exitCode,
      signal: signal ?? known?.signal,
    });
  }

  /** Takes the receipt of a command that was cancelled. */
  setReceipt(path: string, receipt: NonNullable<Step['receipt']>): void {
    this.#change(path, { receipt });
  }

  /** Takes a page of `getEntries`, in order of creation; `isFirst`: the run has none before it. */
  setPage(page: readonly Entry[], isFirst: boolean): void {
    this.#placePage(page.map(({ path }) => path).filter((path) => kindOf(path) !== undefined));
    for (const entry of page) this.setEntry(entry);
    this.#isWhole ||= isFirst;
  }

  /** Takes an entry as it was read; an older version than the one that is known changes nothing. */
  setEntry(entry: Entry): void {
    const { path, turn, version } = entry;
    const kind = kindOf(path);
    const known = this.#items.get(path);
    if (kind === undefined || version <= (this.#removed.get(path) ?? 0)) return;
    if (known && 'version' in known && known.version > version) return;
    if (kind === 'step') return this.#put(stepOf(entry, this.step(path)));
    const text = textOf(entry, known?.kind === kind ? known : undefined);
    if (kind === 'words') this.#put({ kind, id: path, turn, live: false, ...text });
    else this.#put({ kind, id: path, turn, ...text });
  }

  /** Removes an entry that was deleted in its version `version`. */
  remove(path: string, version: number): void {
    this.#removed.set(path, version);
    this.#items.delete(path);
  }

  /** Takes an event. An event that was taken before changes nothing. */
  apply({ name, params }: RuntimeEvent): Stale {
    if ('seq' in params && name !== 'replay/synced') {
      if (params.seq <= this.#seq) return NOTHING;
      this.#seq = params.seq;
    }
    switch (name) {
      case 'run/state':
        this.#state(params);
        return RUN;
      case 'run/progress':
        this.#progress(params);
        return params.phase === 'done' ? RUN : NOTHING;
      case 'run/text':
        this.#hear(params);
        return NOTHING;
      case 'run/proposal':
        this.#proposed(params);
        return RUN;
      case 'run/resolved':
        this.#change(params.path, { by: params.by, ...(params.action === 'accept' ? { state: 'accepted' } : {}) });
        return { entry: params.path, run: true };
      case 'stream/started':
        return this.#started(params);
      case 'stream/waiting':
        if (this.step(params.path)?.state === 'running') this.#change(params.path, { waiting: { prompt: params.prompt ?? '' } });
        return RUN;
      case 'stream/resumed':
        this.#change(params.path, { waiting: undefined });
        return RUN;
      case 'stream/cancelled':
        this.#change(params.path, { state: 'cancelling', reason: params.reason ?? undefined });
        return NOTHING;
      case 'stream/ended':
        this.#ended(params);
        return { entry: params.path, run: true };
      case 'stream/leftover':
        // Its entry says the rest.
        return { entry: params.path, run: true };
      case 'entry/changed':
        return this.#entryChanged(params);
      case 'ui/render':
        this.#notice('plugin', 'info', params.text);
        return NOTHING;
      case 'ui/notify':
        this.#notice('plugin', params.level, params.text);
        return NOTHING;
      case 'policy/changed':
      case 'replay/synced':
        return NOTHING;
    }
  }

  #steps(wanted: (step: Step) => boolean): Step[] {
    return this.#order.flatMap((id) => {
      const step = this.step(id);
      return step && wanted(step) ? step : [];
    });
  }

  #put(item: Item): void {
    this.#place(item.id);
    this.#items.set(item.id, item);
  }

  /** Keeps the place behind all others for what was told of before it was read. */
  #place(id: string): void {
    if (this.#placed.has(id)) return;
    this.#placed.add(id);
    this.#order.push(id);
  }

  /**
   * Puts entries that are new behind the one that precedes them in the page, or before the one that follows them. A page without any
   * known entry is put before everything, or behind everything once the first page has been read.
   */
  #placePage(page: readonly string[]): void {
    const first = page.findIndex((id) => this.#placed.has(id));
    if (first < 0) this.#order = this.#isWhole ? [...this.#order, ...page] : [...page, ...this.#order];
    else {
      const around = new Map([[page[first], page.slice(0, first + 1)]]);
      let anchor = page[first];
      for (const id of page.slice(first + 1)) {
        if (this.#placed.has(id)) around.set((anchor = id), [id]);
        else around.get(anchor)?.push(id);
      }
      this.#order = this.#order.flatMap((id) => around.get(id) ?? id);
    }
    for (const id of page) this.#placed.add(id);
  }

  #entryChanged({ path, status, outcome, version, removed }: NotificationParamsOf<'entry/changed'>): Stale {
    if (removed) {
      this.remove(path, version);
      return NOTHING;
    }
    if (kindOf(path) === undefined) return NOTHING;
    const known = this.#items.get(path);
    if (known && 'version' in known && known.version >= version) return NOTHING;
    // One that is in a page that has not been read is read with that page.
    if (!this.#placed.has(path) && version > 1 && !this.#isWhole) return NOTHING;
    // Events that an entry causes may come before the entry has been read, so its place is kept.
    this.#place(path);
    const step = this.step(path);
    if (step && isEnd(status)) this.#change(path, { state: stateOf(status, false, step), status, outcome, waiting: undefined });
    return { entry: path };
  }

  #change(path: string, facts: Partial<Step>): void {
    const step = this.step(path);
    if (step) this.#items.set(path, changed(step, facts));
  }

  #state({ status, outcome, turn, deleted }: NotificationParamsOf<'run/state'>): void {
    const phase = isEnd(status) ? '' : this.#facts.phase;
    this.#facts = { ...this.#facts, status, outcome, turn, phase, deleted: deleted === true };
    if (status >= 400) this.#notice('run', 'error', `the run: ${endWord({ status, outcome })}`);
  }

  #progress({ turn, phase, text, usage, cost }: NotificationParamsOf<'run/progress'>): void {
    this.#facts = { ...this.#facts, turn, phase };
    if (text !== undefined && text.trim() !== '') this.#say(turn, text, false);
    if (usage) this.#meters.set(turn, { turn, usage, cost: cost ?? null });
  }

  #hear(piece: NotificationParamsOf<'run/text'>): void {
    const known = this.#items.get(wordsPath(piece.turn));
    if (known?.kind === 'words' && !known.live && piece.offset > 0) return;
    if (this.#words.take(piece)) this.#say(piece.turn, this.#words.text, true);
  }

  #say(turn: number, text: string, live: boolean): void {
    const id = wordsPath(turn);
    const known = this.#items.get(id);
    const version = known?.kind === 'words' ? known.version : 0;
    this.#put({ kind: 'words', id, turn, ...NO_TEXT, text, live, version });
  }

  #proposed({ path, turn, command, summary, attributes }: NotificationParamsOf<'run/proposal'>): void {
    const known = this.step(path);
    if (known && known.state !== 'queued') return;
    const step = stepOf({ path, turn, attributes, status: 202, outcome: null, body: '', bytes: 0, version: known?.version ?? 0 }, known);
    this.#put({ ...step, title: command ?? summary });
  }

  #started({ path, command, backend, channels }: NotificationParamsOf<'stream/started'>): Stale {
    const known = this.step(path);
    if (!known && !this.#isWhole && !this.#placed.has(path)) return RUN;
    if (known && isOver(known)) return { entry: path, run: true };
    const attributes = { tool: 'sh', command };
    const made = { path, turn: turnOfPath(path), attributes, status: 102, outcome: null, body: '', bytes: 0, version: 0 };
    this.#put(changed(known ?? stepOf(made, undefined), { state: 'running', channels, ...defined({ backend }) }));
    return { entry: path, run: true };
  }

  #ended({ path, status, outcome, channels, exit_code, signal }: NotificationParamsOf<'stream/ended'>): void {
    const known = this.step(path);
    this.#change(path, {
      state: stateOf(status, true, known),
      status,
      outcome,
      waiting: undefined,
      channels,
      exitCode: exit_code ?? known?.exitCode,
      signal: signal ?? known?.signal,
    });
  }

  #notice(from: Notice['from'], level: Notice['level'], text: string): void {
    this.#put({ kind: 'notice', id: `notice ${++this.#notices}`, turn: this.#facts.turn, level, from, text });
  }
}

function wordsPath(turn: number): string {
  return `log://turn_${turn}/model/text`;
}
