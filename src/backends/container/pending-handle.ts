import type { Clock } from '../../core/clock.ts';
import { deferred } from '../../core/deferred.ts';
import { HeadgateError, isHeadgateError, messageOf, NOT_YET } from '../../core/errors.ts';
import type { BackendHandle, BackendRef, ClosedFact, ExitFact, KillRequest } from '../../model/ports/backend.ts';
import type { KillReceipt } from '../../model/records.ts';
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
  readonly #exited = deferred<ExitFact>();
  readonly #closed = deferred<ClosedFact>();
  #handle: BackendHandle | undefined;
  #detached = false;
  #isClosed = false;

  /** `begin` makes the container; `bar` sees to it that nobody makes it later; `remove` forgets what was noted of it. */
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

  get exited(): Promise<ExitFact> {
    return this.#exited.promise;
  }

  get closed(): Promise<ClosedFact> {
    return this.#closed.promise;
  }

  async write(bytes: Buffer): Promise<number> {
    return await this.#now().write(bytes);
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
    const { requestedBy, reason } = request;
    return { requestedBy, reason, requestedAt, signals: [], confirmedDead: [], escaped: [], finishedAt: this.#clock.now() };
  }

  async detach(): Promise<void> {
    this.#detached = true;
    if (!this.#handle) this.#abort.abort();
    this.#progress.stop();
    await (await this.#ready)?.detach();
  }

  async dispose(): Promise<void> {
    if (!this.#isClosed && !this.#detached) {
      throw new HeadgateError('conflict', 'the output is still being read; dispose of it after it is closed');
    }
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
      if (!this.#detached) await this.#failed(error);
      return undefined;
    }
  }

  async #pass(handle: BackendHandle): Promise<void> {
    this.#exited.resolve(await handle.exited);
    const closed = await handle.closed;
    await this.#progress.settled();
    this.#isClosed = true;
    this.#closed.resolve(closed);
  }

  async #failed(error: unknown): Promise<void> {
    const killed = this.#abort.signal.aborted;
    const outcome = isHeadgateError(error) && typeof error.facts['outcome'] === 'string' ? error.facts['outcome'] : 'start_failed';
    if (!killed) this.#progress.tell(messageOf(error));
    this.#exited.resolve({ exitCode: null, signal: null, ...(killed ? {} : { failure: { outcome, message: messageOf(error) } }) });
    await this.#progress.settled();
    this.#isClosed = true;
    this.#closed.resolve({ detached: [] });
  }

  #now(): BackendHandle {
    if (this.#handle) return this.#handle;
    throw new HeadgateError('conflict', 'the image is still being pulled; try again once the command runs', NOT_YET);
  }
}
