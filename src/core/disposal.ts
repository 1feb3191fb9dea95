import { messageOf } from './errors.ts';

type Closer = () => void | Promise<void>;

/**
 * Closes what was opened, in the reverse order. A closer that throws does not keep the others from running;
 * the first failure is thrown at the end.
 */
export class Disposer {
  #closers: { what: string; close: Closer }[] = [];
  #closing: Promise<void> | undefined;

  /** Registers a closer; `what` names it in the error. */
  add(what: string, close: Closer): void {
    this.#closers.push({ what, close });
  }

  /** Runs every closer once; later calls answer the same promise. */
  close(): Promise<void> {
    this.#closing ??= this.#run();
    return this.#closing;
  }

  async #run(): Promise<void> {
    let failure: Error | undefined;
    for (const { what, close } of this.#closers.reverse()) {
      try {
        await close();
      } catch (error) {
        failure ??= new Error(`closing ${what}: ${messageOf(error)}`, { cause: error });
      }
    }
    if (failure) throw failure;
  }
}
