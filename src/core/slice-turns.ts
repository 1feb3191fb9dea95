/** How long the slices of one turn of the event loop may take together, and one of them at most (milliseconds). */
const SLICE_MS = 4;

/**
 * Calls `next` as soon as all has been done that follows from what is being done without waiting for a timer, a socket or a disk: the microtasks,
 * and those that come of them. It is still the same turn of the event loop.
 */
export function whenSettled(next: () => void): void {
  queueMicrotask(() => process.nextTick(next));
}

/** One piece of work in slices. */
export interface Sliced {
  /** Whether the slice has had its time: then the work awaits `next`. */
  readonly isOver: boolean;
  /** Resolves when the next slice begins. */
  next(): Promise<void>;
}

/**
 * The slices of all long work in the thread (SPEC {#no_pause}): they take turns, and those of one turn of the event loop take no longer together than one
 * may, however many pieces of work are under way.
 */
export class SliceTurns {
  readonly #waiting: (() => void)[] = [];
  #scheduled = false;

  /** Begins a piece of work, with its first slice. */
  begin(): Sliced {
    let until = performance.now() + SLICE_MS;
    return {
      get isOver() {
        return performance.now() >= until;
      },
      next: async () => {
        await this.next();
        until = performance.now() + SLICE_MS;
      },
    };
  }

  /** Resolves when it is the turn of a slice, which others' calls have come before. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      if (!this.#scheduled) this.#schedule();
    });
  }

  #schedule(): void {
    this.#scheduled = true;
    setImmediate(() => this.#turn(performance.now() + SLICE_MS));
  }

  /** Lets one after the other go on, each to the end of its slice, until their time is over. */
  #turn(until: number): void {
    this.#waiting.shift()?.();
    whenSettled(() => {
      if (this.#waiting.length === 0) this.#scheduled = false;
      else if (performance.now() < until) this.#turn(until);
      else this.#schedule();
    });
  }
}

/** The slices of this thread. */
export const slices = new SliceTurns();
