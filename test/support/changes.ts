/** How long a condition may take to come true on a loaded machine (milliseconds). */
const PATIENCE_MS = 20_000;

/** Waits for what a sink is written: looks again after each write. */
export class Changes {
  readonly #waiting = new Set<() => void>();

  /** Something was written. */
  tell(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  /** Resolves with what `look` finds. Throws, with what is there instead, when it finds nothing for long. */
  async until<T>(look: () => T | undefined, wanted: RegExp, there: () => string): Promise<T> {
    const giveUp = Date.now() + PATIENCE_MS;
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      await new Promise<void>((resolve, reject) => {
        const wake = (): void => {
          this.#waiting.delete(wake);
          clearTimeout(timer);
          resolve();
        };
        const timer = setTimeout(() => {
          this.#waiting.delete(wake);
          reject(new Error(`never came: ${wanted}; there is ${JSON.stringify(there().slice(-2000))}`));
        }, giveUp - Date.now());
        this.#waiting.add(wake);
      });
    }
  }
}
