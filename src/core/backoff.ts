/** The first pause and the longest, milliseconds. */
export interface BackoffLimits {
  readonly firstMs: number;
  readonly longestMs: number;
}

/** Pauses between attempts: each twice as long as the one before, up to the longest. */
export class Backoff {
  readonly #limits: BackoffLimits;
  #nextMs: number;
  #count = 0;

  constructor(limits: BackoffLimits) {
    this.#limits = limits;
    this.#nextMs = Math.min(limits.firstMs, limits.longestMs);
  }

  /** Pauses taken since the beginning or the last {@link reset}. */
  get count(): number {
    return this.#count;
  }

  /** What {@link next} returns next. */
  get nextMs(): number {
    return this.#nextMs;
  }

  /** Takes the next pause (milliseconds). */
  next(): number {
    const pauseMs = this.#nextMs;
    this.#nextMs = Math.min(pauseMs * 2, this.#limits.longestMs);
    this.#count++;
    return pauseMs;
  }

  /** An attempt has succeeded: the next pause is the first again. */
  reset(): void {
    this.#nextMs = Math.min(this.#limits.firstMs, this.#limits.longestMs);
    this.#count = 0;
  }
}
