import { setTimeout as delay } from 'node:timers/promises';
import { Backoff } from '../../core/backoff.ts';
import type { Clock } from '../../core/clock.ts';
import { HeadgateError, messageOf } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type { BackendHandle, BackendRef, ClosedFact, ExitFact, InputTaken, KillRequest } from '../../model/ports/backend.ts';
import { emptyReceipt, type KillReceipt } from '../../model/records.ts';
import { signalName } from '../../model/signals.ts';
import { ask } from '../remote/ask.ts';
import { placeArgs, type RemotePlace } from '../remote/place-of-producer.ts';
import { isGone, type ShellHost } from '../remote/shell-host.ts';
import { isTerminalSize } from '../shim/terminal.ts';
import { PANE_RESIZE_SH } from './pane-resize-sh.ts';
import { PANE_SIGNAL_SH } from './pane-signal-sh.ts';
import { CUT, notEndable, notResizable, notSignallable, UNPIPED_MS } from './pane-words.ts';
import { UNPIPED_SH } from './unpiped-sh.ts';
import { UNWATCH_SH } from './unwatch-sh.ts';

/** Pauses before a question without a reply is sent to the host again, milliseconds: the first, and the longest. */
const RETRY = { firstMs: 100, longestMs: 10_000 };

export interface RemotePaneOptions {
  /** The producer folder over there, which is served as any other. */
  readonly inner: BackendHandle;
  readonly host: ShellHost;
  readonly place: RemotePlace;
  readonly watches: boolean;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A command in a tmux pane of another host, or a watch of one: its size, its foreground and its pipe are the pane's (SPEC {#backend_tmux}). */
export class RemotePane implements BackendHandle {
  readonly #options: RemotePaneOptions;
  readonly #detaching = new AbortController();
  readonly closed: Promise<ClosedFact>;
  #unwatched: Promise<KillReceipt> | undefined;

  constructor(options: RemotePaneOptions) {
    this.#options = options;
    this.closed = options.inner.closed.then(async (closed) => ((await this.#wasCut()) ? { ...closed, cut: CUT } : closed));
    this.closed.catch(() => {});
  }

  get ref(): BackendRef {
    return this.#options.inner.ref;
  }

  get exited(): Promise<ExitFact> {
    return this.#options.inner.exited;
  }

  get waitsFor(): string | undefined {
    return this.#options.inner.waitsFor;
  }

  async write(bytes: Buffer, offset?: number): Promise<InputTaken> {
    return await this.#options.inner.write(bytes, offset);
  }

  async closeInput(): Promise<void> {
    if (this.#options.watches) throw notEndable();
    await this.#options.inner.closeInput();
  }

  async resize(cols: number, rows: number): Promise<void> {
    if (this.#options.watches) throw notResizable();
    if (!isTerminalSize(cols) || !isTerminalSize(rows))
      throw new HeadgateError('invalid_params', 'a terminal has 1 to 1000 columns and rows', { field: 'cols' });
    const [word, ...said] = await this.#ask(PANE_RESIZE_SH, `${cols}`, `${rows}`);
    if (word === 'gone') throw new HeadgateError('conflict', 'the command has ended, and its terminal with it');
    if (word !== 'done')
      throw new HeadgateError('conflict', `tmux refused: ${said.join(' ')}`, { outcome: 'tmux_refused', host: this.#options.host.name });
  }

  async signal(signal: string): Promise<void> {
    const name = signalName(signal);
    if (this.#options.watches) throw notSignallable(name);
    const [word] = await this.#ask(PANE_SIGNAL_SH, name.slice(3));
    if (word !== 'done') await this.#options.inner.signal(name);
  }

  /** Of a watch: stops watching; the pane, its command and its viewers notice nothing. */
  async kill(request: KillRequest): Promise<KillReceipt> {
    if (!this.#options.watches) return await this.#options.inner.kill(request);
    signalName(request.signal);
    this.#unwatched ??= this.#unwatch(request).catch((error: unknown) => {
      this.#unwatched = undefined;
      throw error;
    });
    return await this.#unwatched;
  }

  async detach(): Promise<void> {
    this.#detaching.abort();
    await this.#options.inner.detach();
  }

  async dispose(): Promise<void> {
    await this.#options.inner.dispose();
  }

  async #unwatch(request: KillRequest): Promise<KillReceipt> {
    const { inner, clock } = this.#options;
    const requestedAt = clock.now();
    const [word, pid] = await this.#askOn(UNWATCH_SH);
    // The receiver of the pipe has ended, or was never there.
    if (word !== 'done') return await inner.kill(request);
    const over = new AbortController();
    const late = delay(UNPIPED_MS, 'late' as const, { signal: over.signal }).catch(() => 'late' as const);
    // Its end is known when its output is through, which may be stuck behind a store that takes nothing.
    const ended = await Promise.race([late, this.exited]);
    over.abort();
    if (ended === 'late') return await inner.kill(request);
    return { ...emptyReceipt(request, requestedAt, clock.now()), confirmedDead: [Number(pid)] };
  }

  async #wasCut(): Promise<boolean> {
    if (this.#options.watches) return false;
    const [word] = await this.#askOn(UNPIPED_SH);
    return word === 'cut';
  }

  async #ask(script: string, ...args: string[]): Promise<readonly string[]> {
    const { host, place } = this.#options;
    const [words = []] = await ask(host, script, [...placeArgs(place), ...args]);
    return words;
  }

  /** Asks until the host replies; returns no words if it never will, or if this pane is let go of. */
  async #askOn(script: string): Promise<readonly string[]> {
    const { host, place, logger } = this.#options;
    const { signal } = this.#detaching;
    for (const pauses = new Backoff(RETRY); !signal.aborted; ) {
      try {
        return await this.#ask(script);
      } catch (error) {
        if (isGone(error)) return [];
        const pauseMs = pauses.next();
        const facts = { host: host.name, producer: place.producerId, pauseMs, error: messageOf(error) };
        logger.warn(facts, 'a pane cannot be looked after now; it will be tried again');
        await delay(pauseMs, undefined, { signal }).catch(() => {});
      }
    }
    return [];
  }
}
