import { setImmediate as yieldNow } from 'node:timers/promises';

/** Turns of the event loop for work in slices: each turn brings one slice, however many pieces of work are under way (SPEC {#no_pause}). */
export class SliceTurns {
  #last: Promise<void> = Promise.resolve();

  /** Resolves on a turn of the event loop that no other slice has. */
  next(): Promise<void> {
    this.#last = this.#last.then(() => yieldNow());
    return this.#last;
  }
}
