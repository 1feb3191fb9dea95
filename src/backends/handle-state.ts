import { deferred } from '../core/deferred.ts';
import { HeadgateError } from '../core/errors.ts';
import type { ClosedFact, ExitFact, KillRequest } from '../model/ports/backend.ts';
import type { KillReceipt } from '../model/records.ts';
import { signalName } from '../model/signals.ts';

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

/** Kills a command once: a further request while that is under way only shortens its grace. */
export class OneKill {
  #receipt: Promise<KillReceipt> | undefined;
  #hasten: ((graceMs: number) => void) | undefined;

  /** True from the first request on, unless what it began was rejected. */
  get isBegun(): boolean {
    return this.#receipt !== undefined;
  }

  /**
   * Resolves with the receipt. A kill that rejects was not carried out, and the next request begins again.
   *
   * @param begin - carries it out; `hastens` takes what shortens the grace of what it has begun
   */
  async run(
    request: KillRequest,
    begin: (hastens: (hasten: (graceMs: number) => void) => void) => Promise<KillReceipt>,
  ): Promise<KillReceipt> {
    if (this.#receipt) {
      this.#hasten?.(request.graceMs);
    } else {
      // Refused before anything is begun.
      signalName(request.signal);
      this.#hasten = undefined;
      this.#receipt = begin((hasten) => {
        this.#hasten = hasten;
      });
    }
    const receipt = this.#receipt;
    try {
      return await receipt;
    } catch (error) {
      if (this.#receipt === receipt) this.#receipt = undefined;
      throw error;
    }
  }
}

/** Throws `unsupported` for a command that was started without input. */
export function requireStdin(stdin: boolean): void {
  if (!stdin) throw new HeadgateError('unsupported', 'the command was started without stdin; start it with stdin: true to write to it');
}
