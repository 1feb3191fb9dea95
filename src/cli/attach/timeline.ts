import { isEnd } from '../../core/end-status.ts';
import type { RuntimeEvent } from '../../rpc/client/index.ts';
import type { NotificationParamsOf, ResultOf } from '../../rpc/protocol/table.ts';
import { formatStatus } from '../text.ts';
import { type Entry, type Step, stepOf } from './step.ts';

/** What a person or a client said to the model. */
export interface Prompt {
  readonly kind: 'prompt';
  readonly id: string;
  readonly turn: number;
  readonly text: string;
}

/** What the model said in a turn; not all of it yet while `live`. */
export interface Words {
  readonly kind: 'words';
  readonly id: string;
  readonly turn: number;
  readonly text: string;
  readonly live: boolean;
}

/** What the server or a plugin has to say. */
export interface Notice {
  readonly kind: 'notice';
  readonly id: string;
  readonly turn: number;
  readonly level: 'info' | 'warn' | 'error';
  readonly text: string;
}

export type Item = Prompt | Words | Notice | Step;

/** A run as the last words of the server have it. */
export interface RunFacts {
  readonly status: number;
  readonly outcome: string | null;
  readonly model: string;
  readonly turn: number;
  /** What the model is at: `asking` while it thinks. */
  readonly phase: string;
  readonly deleted: boolean;
}

type Meter = Pick<ResultOf<'getRun'>['turns'][number], 'turn' | 'usage' | 'cost'>;

const WORDS_PATH = /^log:\/\/turn_(\d+)\/model\/text$/;
const PROMPT_PATH = /^prompt:\/\/loop_\d+\/(user|message_\d+)$/;

/**
 * What happened in a run, in order: made from its entries, kept by its events. Both may tell the same, in any order; each thing is
 * in it once. It draws nothing and asks nothing (SPEC {#attach_timeline}).
 */
export class Timeline {
  readonly #items = new Map<string, Item>();
  readonly #meters = new Map<number, Meter>();
  #facts: RunFacts = { status: 100, outcome: null, model: '', turn: 0, phase: '', deleted: false };
  #notices = 0;
  /** Bytes of a turn's words that have been shown while they were said. */
  #heard = { turn: 0, bytes: 0 };

  get items(): readonly Item[] {
    return [...this.#items.values()].filter((item) => item.kind !== 'prompt' || item.text !== '');
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
    return this.#steps().filter(({ state }) => state === 'proposed');
  }

  /** Commands that run, oldest first. */
  get running(): readonly Step[] {
    return this.#steps().filter(isLive);
  }

  /** What `getRun` says. */
  setRun(run: ResultOf<'getRun'>): void {
    const { status, outcome, model, turn } = run;
    this.#facts = { ...this.#facts, status, outcome, model, turn };
    for (const meter of run.turns) this.#meters.set(meter.turn, meter);
    for (const path of run.waiting) this.#change(path, { waiting: true });
  }

  /** What `stream/list` says of a command. */
  setProducer({ path, startedAt, endedAt, backend, channels, exit_code, signal }: ResultOf<'stream/list'>[number]): void {
    this.#change(path, {
      backend,
      channels,
      ...(startedAt === null ? {} : { startedAt }),
      ...(startedAt === null || endedAt === null ? {} : { durationMs: endedAt - startedAt }),
      ...(exit_code === null ? {} : { exitCode: exit_code }),
      ...(signal === null ? {} : { signal }),
    });
  }

  /** Takes in what there was before: entries of `log` and `prompt`, in any order of the two kinds. */
  setHistory(entries: readonly Entry[]): void {
    // What a loop is asked is written at the end of the turn before it.
    const order = ({ turn, scheme }: Entry) => turn * 2 + (scheme === 'prompt' ? 1 : 0);
    for (const entry of [...entries].sort((a, b) => order(a) - order(b))) this.setEntry(entry);
  }

  /** Takes in an entry as it is now. Entries that are no part of a timeline are left out. */
  setEntry(entry: Entry): void {
    const { path, turn, body } = entry;
    const words = WORDS_PATH.exec(path);
    if (words) this.#say(Number(words[1]), body);
    else if (PROMPT_PATH.test(path)) this.#items.set(path, { kind: 'prompt', id: path, turn, text: body });
    else if (entry.scheme === 'log') {
      const step = stepOf(entry, this.step(path));
      if (step) this.#items.set(path, step);
    }
  }

  /** What became of a command that was cancelled. */
  setReceipt(path: string, receipt: NonNullable<Step['receipt']>): void {
    this.#change(path, { receipt });
  }

  /** Takes in an event. Returns the path of an entry that has to be asked for to know more. */
  apply({ name, params }: RuntimeEvent): string | undefined {
    switch (name) {
      case 'run/state':
        this.#state(params);
        return undefined;
      case 'run/progress':
        this.#progress(params);
        return undefined;
      case 'run/text':
        this.#hear(params);
        return undefined;
      case 'run/proposal':
        this.#proposed(params);
        return undefined;
      case 'run/resolved':
        this.#change(params.path, { by: params.by, state: params.action === 'accept' ? 'accepted' : 'rejected' });
        return params.path;
      case 'stream/started':
        this.#started(params);
        return params.path;
      case 'stream/waiting':
        this.#change(params.path, { waiting: true, ...(params.prompt === undefined ? {} : { prompt: params.prompt }) });
        return undefined;
      case 'stream/resumed':
        this.#change(params.path, { waiting: false });
        return undefined;
      case 'stream/cancelled':
        this.#change(params.path, { state: 'cancelling', ...(params.reason === null ? {} : { reason: params.reason }) });
        return undefined;
      case 'stream/ended':
        this.#ended(params);
        return params.path;
      case 'stream/leftover':
        // Its entry says the rest.
        return params.path;
      case 'entry/changed':
        return this.#entryChanged(params);
      case 'ui/render':
        this.#notice('info', params.text);
        return undefined;
      case 'ui/notify':
        this.#notice(params.level, params.text);
        return undefined;
      case 'policy/changed':
      case 'replay/synced':
        return undefined;
    }
  }

  #entryChanged({ path, removed }: NotificationParamsOf<'entry/changed'>): string | undefined {
    if (removed) {
      this.#items.delete(path);
      return undefined;
    }
    const isPrompt = PROMPT_PATH.test(path);
    // What comes of it may be told before its text has been read: it keeps the place before that.
    if (isPrompt && !this.#items.has(path)) this.#items.set(path, { kind: 'prompt', id: path, turn: this.#facts.turn, text: '' });
    return isPrompt || path.startsWith('log://') ? path : undefined;
  }

  #steps(): Step[] {
    return [...this.#items.values()].filter((item) => item.kind === 'step');
  }

  #change(path: string, facts: Partial<Step>): void {
    const step = this.step(path);
    if (step) this.#items.set(path, { ...step, ...facts });
  }

  #state(params: NotificationParamsOf<'run/state'>): void {
    const { status, outcome, turn, deleted } = params;
    const over = isEnd(status);
    this.#facts = { ...this.#facts, status, outcome, turn, ...(over ? { phase: '' } : {}), ...(deleted ? { deleted: true } : {}) };
    if (status >= 400) this.#notice('error', `the run: ${formatStatus(status)}${outcome ? `, ${outcome}` : ''}`);
  }

  #progress({ turn, phase, text, usage, cost }: NotificationParamsOf<'run/progress'>): void {
    this.#facts = { ...this.#facts, turn, phase };
    if (text !== undefined) this.#say(turn, text);
    if (usage) this.#meters.set(turn, { turn, usage, cost: cost ?? null });
  }

  #say(turn: number, text: string): void {
    if (text.trim() === '') return;
    const id = wordsId(turn);
    this.#items.set(id, { kind: 'words', id, turn, text, live: false });
  }

  #hear({ turn, offset, text }: NotificationParamsOf<'run/text'>): void {
    const id = wordsId(turn);
    const known = this.#items.get(id);
    if (known?.kind === 'words' && !known.live && offset > 0) return;
    if (offset === 0) this.#heard = { turn, bytes: 0 };
    // A piece that is not the next one: the whole text comes with the end of the answer.
    if (this.#heard.turn !== turn || this.#heard.bytes !== offset) return;
    this.#heard.bytes += Buffer.byteLength(text);
    const before = offset > 0 && known?.kind === 'words' ? known.text : '';
    this.#items.set(id, { kind: 'words', id, turn, text: before + text, live: true });
  }

  #proposed(proposal: NotificationParamsOf<'run/proposal'>): void {
    const { path, turn, attributes } = proposal;
    if (this.step(path) && this.step(path)?.state !== 'queued') return;
    const step = stepOf({ path, turn, attributes, status: 202, outcome: null, body: '' }, this.step(path));
    if (step) this.#items.set(path, { ...step, title: proposal.command ?? proposal.summary });
  }

  #started({ path, command, backend, channels }: NotificationParamsOf<'stream/started'>): void {
    const known = this.step(path);
    const turn = known?.turn ?? Number(/^log:\/\/turn_(\d+)\//.exec(path)?.[1] ?? 0);
    const step = known ?? stepOf({ path, turn, attributes: { tool: 'sh', command }, status: 102, outcome: null, body: '' }, undefined);
    if (!step || step.isOver) return;
    this.#items.set(path, { ...step, state: 'running', channels, ...(backend === undefined ? {} : { backend }) });
  }

  #ended({ path, status, outcome, channels, exit_code, signal }: NotificationParamsOf<'stream/ended'>): void {
    this.#change(path, {
      state: status === 200 ? 'done' : status === 499 ? 'cancelled' : 'failed',
      status,
      isOver: true,
      waiting: false,
      outcome,
      channels,
      ...(exit_code === undefined ? {} : { exitCode: exit_code }),
      ...(signal === undefined ? {} : { signal }),
    });
  }

  #notice(level: Notice['level'], text: string): void {
    const id = `notice ${++this.#notices}`;
    this.#items.set(id, { kind: 'notice', id, turn: this.#facts.turn, level, text });
  }
}

/** True for a command that runs, or is about to. */
export function isLive({ state, channels, isOver }: Step): boolean {
  return !isOver && channels.length > 0 && (state === 'running' || state === 'accepted' || state === 'cancelling');
}

function wordsId(turn: number): string {
  return `words ${turn}`;
}
