import { CliError } from './errors.ts';
import { EXIT } from './exit-codes.ts';

/**
 * Ctrl-C: each one takes the next of `steps`, and the one after the last gives up waiting (`left` is aborted). SIGINT and the key of a terminal in
 * raw mode come to the same thing (SPEC {#cli_interrupt}).
 */
export class Interrupts {
  readonly #steps: readonly (() => void)[];
  readonly #left = new AbortController();
  #count = 0;
  readonly #onSignal = () => this.press();

  constructor(...steps: readonly (() => void)[]) {
    this.#steps = steps;
    process.on('SIGINT', this.#onSignal);
  }

  /** True after the first Ctrl-C. */
  get interrupted(): boolean {
    return this.#count > 0;
  }

  /** One Ctrl-C. */
  press(): void {
    const step = this.#steps[this.#count];
    this.#count++;
    if (step) step();
    else this.leave();
  }

  /** Gives up waiting without touching anything. */
  leave(code: number = EXIT.interrupted): void {
    this.#left.abort(new CliError('left', code));
  }

  /** Aborted once the user has left; the reason is a CliError with the exit code. */
  get left(): AbortSignal {
    return this.#left.signal;
  }

  /** `promise`, or the exit code of leaving, whichever comes first. */
  async orLeft(promise: Promise<number>): Promise<number> {
    promise.catch(() => {});
    const { signal } = this.#left;
    let forget = () => {};
    const left = new Promise<number>((resolve) => {
      const onAbort = () => resolve(signal.reason instanceof CliError ? signal.reason.exitCode : EXIT.interrupted);
      if (signal.aborted) onAbort();
      signal.addEventListener('abort', onAbort, { once: true });
      forget = () => signal.removeEventListener('abort', onAbort);
    });
    try {
      return await Promise.race([promise, left]);
    } finally {
      forget();
    }
  }

  /** Gives SIGINT back. */
  dispose(): void {
    process.off('SIGINT', this.#onSignal);
  }
}
