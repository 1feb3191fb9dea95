/** Bytes that wait for a producer which does not read; what is beyond is not taken. */
const MAX_BYTES = 64 * 1024;

/** What people type into a producer of a plugin, as it reads it. */
export class InputQueue implements AsyncIterable<Buffer> {
  #waiting: Buffer[] = [];
  #bytes = 0;
  #ended = false;
  #wake: (() => void) | undefined;

  /** Returns how many bytes were taken. */
  offer(bytes: Buffer): number {
    if (this.#ended) return 0;
    const taken = Math.min(bytes.length, MAX_BYTES - this.#bytes);
    if (taken > 0) this.#waiting.push(Buffer.from(bytes.subarray(0, taken)));
    this.#bytes += taken;
    this.#wake?.();
    return taken;
  }

  /** Nothing more comes. */
  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, void, undefined> {
    for (;;) {
      const next = this.#waiting.shift();
      if (next) {
        this.#bytes -= next.length;
        yield next;
      } else if (this.#ended) {
        return;
      } else {
        await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    }
  }
}
