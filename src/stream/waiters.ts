/** What may happen to a producer: it ended, it began to wait for input, or output of it was stored. */
export type ProducerNews = 'ended' | 'input' | 'output';

/** Who waits for what of which producer (SPEC {#producer_wait}). */
export class Waiters {
  readonly #waiting = new Map<number, Set<(news: ProducerNews) => void>>();

  /** Resolves with the first news of those that are asked for, or when `timeoutMs` is over; an aborted signal rejects with its reason. */
  wait<N extends ProducerNews>(entryId: number, o: { timeoutMs: number; signal: AbortSignal; for: readonly N[] }): Promise<N | 'timeout'> {
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting.get(entryId) ?? new Set();
      this.#waiting.set(entryId, waiting);
      const settle = (finish: () => void) => {
        clearTimeout(timer);
        o.signal.removeEventListener('abort', onAbort);
        waiting.delete(onNews);
        if (waiting.size === 0 && this.#waiting.get(entryId) === waiting) this.#waiting.delete(entryId);
        finish();
      };
      const onNews = (news: ProducerNews) => {
        const wanted = o.for.find((one) => one === news);
        if (wanted !== undefined) settle(() => resolve(wanted));
      };
      const onAbort = () => settle(() => reject(o.signal.reason as Error));
      const timer = setTimeout(() => settle(() => resolve('timeout')), Math.min(o.timeoutMs, 2 ** 31 - 1));
      waiting.add(onNews);
      o.signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  /** Something has happened to the producer. */
  wake(entryId: number, news: ProducerNews): void {
    const waiting = this.#waiting.get(entryId);
    if (waiting) for (const wake of [...waiting]) wake(news);
  }
}
