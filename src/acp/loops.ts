import { type Deferred, deferred } from '../core/deferred.ts';
import { isEnd } from '../core/end-status.ts';
import { ConnectionClosed, type RunName, turnOfPath } from '../rpc/client/index.ts';
import type { Link } from './link.ts';
import type { LoopEnd } from './stop-reason.ts';

/** How often the death of cancelled commands is looked for (milliseconds). */
const POLL_MS = 50;

/** How a prompt is worked on: `act` may propose changes, `yolo` has what no rule denies accepted, `ask` only looks. */
export type Mode = 'ask' | 'act' | 'yolo';

/** What a person has asked, and the editor's span that it is part of. */
export interface Prompt {
  readonly text: string;
  readonly traceparent?: string | undefined;
}

/** What comes with a prompt. */
export interface PromptCall extends Pick<Prompt, 'traceparent'> {
  readonly signal: AbortSignal;
}

/**
 * Why a prompt is over before its loop is: the loop asks a question that the person's next message answers, or the person dismissed a
 * request that it waits for.
 */
type Left = 'asked' | 'dismissed';

/** How a prompt is over. */
type PromptEnd = LoopEnd | Left;

/** The loops that a session's prompts began: each begun once, awaited until its end. */
export class Loops {
  readonly #run: RunName;
  readonly #own = new Set<number>();
  readonly #ended = new Map<number, LoopEnd>();
  readonly #awaited = new Map<number, Deferred<PromptEnd>>();
  /** Loops that no prompt waits for, though they have not ended. */
  readonly #left = new Map<number, Left>();
  /** The call that begins a loop; `isOwn` awaits it, because ownership is unknown until it returns. */
  #beginning: Promise<unknown> = Promise.resolve();
  #why: string | undefined;

  constructor(run: RunName) {
    this.#run = run;
  }

  /** True while a prompt waits for its loop. */
  get waiting(): boolean {
    return this.#awaited.size > 0;
  }

  /** Why the last loop failed, once. */
  takeWhy(): string | undefined {
    const why = this.#why;
    this.#why = undefined;
    return why;
  }

  set why(text: string) {
    this.#why = text;
  }

  /** True for a loop that a prompt of this session began. */
  async isOwn(loop: number): Promise<boolean> {
    await this.#beginning.catch(() => {});
    return this.#own.has(loop);
  }

  /** True for a loop that a prompt of this session waits for. */
  async isAwaited(loop: number): Promise<boolean> {
    return ((await this.isOwn(loop)) || this.#awaited.has(loop)) && !this.#left.has(loop);
  }

  /** Queues a loop; returns its number. A connection lost meanwhile does not queue it twice. */
  begin(link: Link, mode: Mode, prompt: Prompt): Promise<number> {
    const begun = this.#begin(link, mode, prompt).then((loop) => {
      this.#own.add(loop);
      return loop;
    });
    this.#beginning = begun;
    return begun;
  }

  /** Resolves when a loop has ended, or its prompt is over before that; rejects when the connection that would tell is gone. */
  async end(loop: number): Promise<PromptEnd> {
    const known = this.#ended.get(loop) ?? this.#left.get(loop);
    if (known) return known;
    const awaited = this.#awaited.get(loop) ?? deferred<PromptEnd>();
    this.#awaited.set(loop, awaited);
    return await awaited.promise;
  }

  /** An event told of an end. */
  ended(loop: number, end: LoopEnd): void {
    this.#ended.set(loop, end);
    this.#left.delete(loop);
    this.#settle(loop, end);
  }

  /** A loop asks what the person's next message answers: the prompt that waits for it is over. */
  asked(loop: number): void {
    this.#leave(loop, 'asked');
  }

  /** That message has come. */
  answered(loop: number): void {
    this.#left.delete(loop);
  }

  /** The person dismissed a request that a loop waits for: the prompts that wait for it, or behind it, are over. */
  async dismissed(loop: number): Promise<void> {
    await this.#beginning.catch(() => {});
    for (const one of new Set([loop, ...this.#own, ...this.#awaited.keys()])) if (one >= loop) this.#leave(one, 'dismissed');
  }

  /** Resolves when none of these commands has a process left, or when `signal` is aborted. */
  async gone(link: Link, commands: readonly string[], signal: AbortSignal): Promise<void> {
    while (commands.length > 0 && !signal.aborted) {
      const { producers } = await link.runtime.look('getRun', { run: this.#run.now });
      if (!commands.some((path) => producers.includes(path))) return;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  /** Resolves when every loop that a prompt waits for has ended. */
  async settled(): Promise<void> {
    await Promise.allSettled([...this.#awaited.values()].map(({ promise }) => promise));
  }

  /** The connection is gone: no end will be told. */
  fail(error: unknown): void {
    for (const awaited of this.#awaited.values()) awaited.reject(error);
    this.#awaited.clear();
  }

  /**
   * Ends what the run works on: its loops, and the commands that these began, also those that a turn has left in the
   * background. Returns the commands.
   */
  async abort(link: Link): Promise<string[]> {
    await this.#beginning.catch(() => {});
    const run = this.#run.now;
    const { loops, turns, producers } = await link.runtime.look('getRun', { run });
    const active = new Set([...loops.filter(({ status }) => !isEnd(status)).map(({ loop }) => loop), ...this.#awaited.keys()]);
    const begun = new Set(turns.filter(({ loop }) => active.has(loop)).map(({ turn }) => turn));
    await link.runtime.look('run/abort', { run });
    const commands = producers.filter((path) => begun.has(turnOfPath(path)));
    // A command may have ended meanwhile.
    await Promise.all(
      commands.map((path) => link.runtime.look('stream/cancel', { run, path, reason: 'the prompt was cancelled' }).catch(() => {})),
    );
    return commands;
  }

  #leave(loop: number, why: Left): void {
    if (this.#ended.has(loop)) return;
    this.#left.set(loop, why);
    this.#settle(loop, why);
  }

  #settle(loop: number, how: PromptEnd): void {
    this.#awaited.get(loop)?.resolve(how);
    this.#awaited.delete(loop);
  }

  async #begin(link: Link, mode: Mode, { text: prompt, traceparent }: Prompt): Promise<number> {
    const before = (await this.#run.ask(async (run) => await link.runtime.look('getRun', { run }))).loops.length;
    const run = this.#run.now;
    while (true) {
      try {
        const params = { run, prompt, ...(mode === 'yolo' ? { yolo: true } : {}) };
        return (await link.runtime.call(mode === 'ask' ? 'ask' : 'act', params, { traceparent })).loop;
      } catch (error) {
        if (!(error instanceof ConnectionClosed)) throw error;
      }
      const { loops } = await link.runtime.look('getRun', { run });
      const arrived = loops.slice(before).find((one) => one.prompt === prompt && one.mode === (mode === 'ask' ? 'ask' : 'act'));
      if (arrived) return arrived.loop;
    }
  }
}
