import type { Clock } from '../../../core/clock.ts';
import { HeadgateError, isHeadgateError, messageOf, NOT_YET } from '../../../core/errors.ts';
import type { BackendHandle, BackendRef, InputTaken, KillRequest } from '../../../model/ports/backend.ts';
import { emptyReceipt, type KillReceipt } from '../../../model/records.ts';
import { HandleState } from '../../handle-state.ts';
import type { ProgressChannel } from './progress-channel.ts';

/**
 * A command whose container is not made yet, since its image is being pulled. A kill ends the pull, and then the command
 * never runs; everything else waits for the container's own handle.
 */
export class PendingHandle implements BackendHandle {
  readonly ref: BackendRef;
  readonly #ready: Promise<BackendHandle | undefined>;
  readonly #abort: AbortController;
  readonly #progress: ProgressChannel;
  readonly #bar: () => void;
  readonly #remove: () => Promise<void>;
  readonly #clock: Clock;
  readonly #state = new HandleState();
  readonly exited = this.#state.exited;
  readonly closed = this.#state.closed;
  #handle: BackendHandle | undefined;

  /** `begin` makes the container; `bar` prevents that it is made later; `remove` deletes its record. */
  constructor(options: {
    ref: BackendRef;
    begin: (signal: AbortSignal) => Promise<BackendHandle>;
    bar: () => void;
    remove: () => Promise<void>;
    progress: ProgressChannel;
    clock: Clock;
  }) {
    this.ref = options.ref;
    this.#abort = new AbortController();
    this.#progress = options.progress;
    this.#bar = options.bar;
    this.#remove = options.remove;
    this.#clock = options.clock;
    this.#ready = this.#begin(options.begin);
  }

  async write(bytes: Buffer, offset?: number): Promise<InputTaken> {
    return await this.#now().write(bytes, offset);
  }

  async closeInput(): Promise<void> {
    await this.#now().closeInput();
  }

  async resize(cols: number, rows: number): Promise<void> {
    await this.#now().resize(cols, rows);
  }

  async signal(signal: string): Promise<void> {
    await this.#now().signal(signal);
  }

  async kill(request: KillRequest): Promise<KillReceipt> {
    const requestedAt = this.#clock.now();
    if (!this.#handle) {
      this.#bar();
      this.#abort.abort();
    }
    const handle = await this.#ready;
    if (handle) return await handle.kill(request);
    return emptyReceipt(request, requestedAt, this.#clock.now());
  }

  async detach(): Promise<void> {
    this.#state.detach();
    if (!this.#handle) this.#abort.abort();
    this.#progress.stop();
    await (await this.#ready)?.detach();
  }

  async dispose(): Promise<void> {
    this.#state.requireOver();
    const handle = await this.#ready;
    await (handle ? handle.dispose() : this.#remove());
  }

  async #begin(begin: (signal: AbortSignal) => Promise<BackendHandle>): Promise<BackendHandle | undefined> {
    try {
      const handle = await begin(this.#abort.signal);
      this.#handle = handle;
      void this.#pass(handle);
      return handle;
    } catch (error) {
      if (!this.#state.isDetached) await this.#failed(error);
      return undefined;
    }
  }

  async #pass(handle: BackendHandle): Promise<void> {
    this.#state.exit(await handle.exited);
    const closed = await handle.closed;
    await this.#progress.settled();
    this.#state.close(closed);
  }

  async #failed(error: unknown): Promise<void> {
    const killed = this.#abort.signal.aborted;
    const outcome = isHeadgateError(error) && typeof error.facts['outcome'] === 'string' ? error.facts['outcome'] : 'start_failed';
    if (!killed) this.#progress.tell(messageOf(error));
    this.#state.exit({ exitCode: null, signal: null, ...(killed ? {} : { failure: { outcome, message: messageOf(error) } }) });
    await this.#progress.settled();
    this.#state.close({ detached: [] });
  }

  #now(): BackendHandle {
    if (this.#handle) return this.#handle;
    throw new HeadgateError('conflict', 'the image is still being pulled; try again once the command runs', NOT_YET);
  }
}
