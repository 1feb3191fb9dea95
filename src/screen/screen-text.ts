/** The rows of a picture as UTF-8, of which only what is wanted becomes a string: there may be 11,000 of 1,000 cells. */
export class ScreenText {
  readonly #bytes: Buffer;
  readonly #ends: Uint32Array;

  /**
   * @param bytes - the rows, each with a LF behind it
   * @param ends - of each row, where the one after it begins
   */
  constructor(bytes: Buffer, ends: Uint32Array) {
    this.#bytes = bytes;
    this.#ends = ends;
  }

  /** How many rows there are. */
  get length(): number {
    return this.#ends.length;
  }

  /** The rows from `first` to `last`, counted from 1, each with a LF behind it. */
  rows(first: number, last: number): string {
    return this.#bytes.toString('utf8', this.#ends[first - 2] ?? 0, this.#ends[last - 1] ?? this.#bytes.length);
  }
}
