/** Promises that wait for something to happen to an id. */
export class Waiters {
  readonly #waiting = new Map<number, Set<() => void>>();

  /** Resolves at the next `wake(id)`; rejects with the signal's reason when that comes first. */
  wait(id: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    return new Promise((resolve, reject) => {
      const all = this.#waiting.get(id) ?? new Set();
      this.#waiting.set(id, all);
      const settle = () => {
        signal.removeEventListener('abort', onAbort);
        all.delete(onWake);
        if (all.size === 0 && this.#waiting.get(id) === all) this.#waiting.delete(id);
      };
      const onWake = () => {
        settle();
        resolve();
      };
      const onAbort = () => {
        settle();
        reject(signal.reason as Error);
      };
      all.add(onWake);
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  /** Wakes all waiters of `id`. */
  wake(id: number): void {
    for (const wake of [...(this.#waiting.get(id) ?? [])]) wake();
  }
}
