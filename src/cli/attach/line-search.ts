/** A line that matches: its number, 1 for the first. */
interface Match {
  readonly line: number;
}

/** One answer of a search that begins at a byte offset: it goes on at `to` until that is `bytes`. */
interface Found {
  readonly matches?: readonly Match[] | undefined;
  readonly to: number;
  readonly bytes: number;
}

/** Lines that match in a channel, looked for only as far as it takes to find the next one. */
export class LineSearch {
  readonly pattern: string;
  readonly #read: (from: number) => Promise<Found>;
  readonly #lines: number[] = [];
  #from = 0;
  #isWhole = false;

  constructor(pattern: string, read: (from: number) => Promise<Found>) {
    this.pattern = pattern;
    this.#read = read;
  }

  /**
   * The first match behind a line; round the end when there is none. Undefined when nothing matches, or once it is not wanted any more. Throws
   * what the server answers.
   */
  async after(line: number, isWanted: () => boolean = () => true): Promise<number | undefined> {
    this.#isWhole = false;
    while (isWanted()) {
      const next = this.#lines.find((known) => known > line);
      if (next !== undefined) return next;
      if (this.#isWhole) return this.#lines[0];
      await this.#more();
    }
    return undefined;
  }

  /** The last match before a line; round the beginning when there is none. */
  async before(line: number, isWanted: () => boolean = () => true): Promise<number | undefined> {
    this.#isWhole = false;
    while (isWanted() && !this.#isWhole && (this.#lines.at(-1) ?? 0) < line) await this.#more();
    const previous = this.#lines.findLast((known) => known < line);
    if (previous !== undefined) return previous;
    while (isWanted() && !this.#isWhole) await this.#more();
    return this.#lines.at(-1);
  }

  async #more(): Promise<void> {
    const { matches = [], to, bytes } = await this.#read(this.#from);
    const last = this.#lines.at(-1) ?? 0;
    for (const { line } of matches) if (line > last) this.#lines.push(line);
    this.#isWhole = to >= bytes || to <= this.#from;
    this.#from = Math.max(to, this.#from);
  }
}
