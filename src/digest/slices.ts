/** How long the work of one turn of the event loop may take (milliseconds), and when more than LAG_BYTES wait for it. */
const SLICE_MS = 1;
const LATE_SLICE_MS = 8;
const LAG_BYTES = 16 * 1024 * 1024;

/**
 * Work on several channels in slices, each on a turn of its own: `add` never waits for the work (SPEC {#digest_incremental}).
 * The channels take turns. Only when very much waits do slices become longer, so that the work cannot fall behind without end.
 */
export class Slices {
  readonly #step: (id: number) => number;
  readonly #failed: (error: unknown) => void;
  /** Channel -> bytes that wait. */
  readonly #waiting = new Map<number, number>();
  #lag = 0;
  #next: NodeJS.Immediate | undefined;

  /** `step` does some work on one channel and returns how many bytes are left of it. What it throws ends the work on that channel. */
  constructor(step: (id: number) => number, failed: (error: unknown) => void) {
    this.#step = step;
    this.#failed = failed;
  }

  /** So many bytes of a channel wait. */
  add(id: number, bytes: number): void {
    this.#set(id, bytes);
    this.#next ??= setImmediate(() => this.#slice());
  }

  /** The work on a channel is no longer wanted. */
  delete(id: number): void {
    this.#set(id, 0);
  }

  close(): void {
    clearImmediate(this.#next);
    this.#waiting.clear();
  }

  #slice(): void {
    this.#next = undefined;
    const until = performance.now() + (this.#lag > LAG_BYTES ? LATE_SLICE_MS : SLICE_MS);
    do {
      const [id] = this.#waiting.keys();
      if (id === undefined) return;
      try {
        this.#set(id, this.#step(id));
      } catch (error) {
        this.#set(id, 0);
        this.#failed(error);
      }
    } while (performance.now() < until);
    if (this.#waiting.size > 0) this.#next = setImmediate(() => this.#slice());
  }

  /** Behind all others: the channels take turns. */
  #set(id: number, bytes: number): void {
    this.#lag += bytes - (this.#waiting.get(id) ?? 0);
    this.#waiting.delete(id);
    if (bytes > 0) this.#waiting.set(id, bytes);
  }
}
