/** Who waits for the end of which producer (SPEC {#producer_wait}). */
export class Waiters {
  readonly #waiting = new Map<number, Set<() => void>>();

  /** Resolves when the producer has ended or `timeoutMs` is over; an aborted signal rejects with its reason. */
  wait(entryId: number, o: { timeoutMs: number; signal: AbortSignal }): Promise<'ended' | 'timeout'> {
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting.get(entryId) ?? new Set();
      this.#waiting.set(entryId, waiting);
      const settle = (finish: () => void) => {
        clearTimeout(timer);
        o.signal.removeEventListener('abort', onAbort);
        waiting.delete(onEnd);
        finish();
      };
      const onEnd = () => settle(() => resolve('ended'));
      const onAbort = () => settle(() => reject(o.signal.reason as Error));
      const timer = setTimeout(() => settle(() => resolve('timeout')), Math.min(o.timeoutMs, 2 ** 31 - 1));
      waiting.add(onEnd);
      o.signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  /** The producer has ended. */
  wake(entryId: number): void {
    const waiting = this.#waiting.get(entryId);
    this.#waiting.delete(entryId);
    for (const wake of waiting ?? []) wake();
  }
}
