import type { Clock } from '../../core/clock.ts';
import { HeadgateError } from '../../core/errors.ts';
import type { BackendHandle, BackendRef, ClosedFact, ExitFact, InputTaken, KillRequest } from '../../model/ports/backend.ts';
import { emptyReceipt, type KillReceipt } from '../../model/records.ts';

/** A command that has ended, or was never started: there is nothing to read, to signal or to kill. */
export class EndedHandle implements BackendHandle {
  readonly ref: BackendRef;
  readonly exited: Promise<ExitFact>;
  readonly closed: Promise<ClosedFact>;
  readonly #remove: () => Promise<void>;
  readonly #barred: () => void;
  readonly #clock: Clock;

  /** A kill calls `barred`, which makes sure that the command is never started. */
  constructor(options: {
    ref: BackendRef;
    exit: ExitFact | Promise<ExitFact>;
    remove: () => Promise<void>;
    barred: () => void;
    clock: Clock;
  }) {
    this.ref = options.ref;
    this.exited = Promise.resolve(options.exit);
    this.closed = this.exited.then(() => ({ detached: [] }));
    this.#remove = options.remove;
    this.#barred = options.barred;
    this.#clock = options.clock;
  }

  write(): Promise<InputTaken> {
    return refuse();
  }

  closeInput(): Promise<void> {
    return refuse();
  }

  resize(): Promise<void> {
    return refuse();
  }

  signal(): Promise<void> {
    return refuse();
  }

  kill(request: KillRequest): Promise<KillReceipt> {
    this.#barred();
    return Promise.resolve(emptyReceipt(request, this.#clock.now()));
  }

  detach(): Promise<void> {
    return Promise.resolve();
  }

  async dispose(): Promise<void> {
    await this.#remove();
  }
}

function refuse(): Promise<never> {
  return Promise.reject(new HeadgateError('conflict', 'the command has ended, or was never started'));
}
