/** Counts what a producer has brought, over all channels, against the most that it may bring (SPEC {#output_limit}). */
export class OutputCount {
  readonly #maxBytes: number;
  readonly #ends = new Map<number, number>();

  /** `maxBytes`: 0 for no limit. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** A channel has reached `end` bytes, some perhaps for the second time; true when all channels together are over the limit. */
  passes(channel: number, end: number): boolean {
    if (this.#maxBytes === 0) return false;
    this.#ends.set(channel, Math.max(end, this.#ends.get(channel) ?? 0));
    let sum = 0;
    for (const bytes of this.#ends.values()) sum += bytes;
    return sum > this.#maxBytes;
  }
}
