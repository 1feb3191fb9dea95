import { deferred } from '../core/deferred.ts';
import { HeadgateError } from '../core/errors.ts';
import type { ClosedFact, ExitFact } from '../model/ports/backend.ts';

/** How far a command has come for the handle that serves it: ended, its output read to the end, let go of. Each is reported once. */
export class HandleState {
  readonly #exited = deferred<ExitFact>();
  readonly #closed = deferred<ClosedFact>();
  readonly #detaching = new AbortController();
  #isClosed = false;

  /** Resolves with the first fact given to {@link exit}. */
  readonly exited = this.#exited.promise;
  /** Resolves with the first fact given to {@link close}. */
  readonly closed = this.#closed.promise;
  /** Aborted once the command is let go of. */
  readonly detaching = this.#detaching.signal;

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get isDetached(): boolean {
    return this.detaching.aborted;
  }

  exit(fact: ExitFact): void {
    this.#exited.resolve(fact);
  }

  close(fact: ClosedFact): void {
    this.#isClosed = true;
    this.#closed.resolve(fact);
  }

  detach(): void {
    this.#detaching.abort();
  }

  /** Throws `conflict` while the output is still being read: what a handle may then not `dispose` of. */
  requireOver(): void {
    if (this.#isClosed || this.isDetached) return;
    throw new HeadgateError('conflict', 'the output is still being read; dispose of it after it is closed');
  }
}
