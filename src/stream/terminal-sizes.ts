/** Sizes that are remembered; the oldest are forgotten. */
const MOST = 10_000;

/** Columns and rows. */
interface TerminalSize {
  readonly cols: number;
  readonly rows: number;
}

/** The sizes that clients gave to terminals, by producer, since the server started (SPEC {#screen}). */
export class TerminalSizes {
  readonly #sizes = new Map<number, TerminalSize>();

  get(entryId: number): TerminalSize | undefined {
    return this.#sizes.get(entryId);
  }

  set(entryId: number, size: TerminalSize): void {
    this.#sizes.delete(entryId);
    this.#sizes.set(entryId, size);
    const [oldest] = this.#sizes.keys();
    if (this.#sizes.size > MOST && oldest !== undefined) this.#sizes.delete(oldest);
  }
}
