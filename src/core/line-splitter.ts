/**
 * Cuts a byte stream into lines at LF, a CR before it removed; empty lines are skipped. A line beyond the limit is
 * thrown away up to its LF and reported once, so that the stream goes on. Bytes are looked at once and copied once,
 * however a line is split over reads.
 */
export class LineSplitter {
  readonly #maxBytes: number;
  readonly #line: (bytes: Buffer) => void;
  readonly #tooLong: () => void;
  #parts: Buffer[] = [];
  #length = 0;
  #discarding = false;

  constructor(options: { maxBytes: number; line: (bytes: Buffer) => void; tooLong: () => void }) {
    this.#maxBytes = options.maxBytes;
    this.#line = options.line;
    this.#tooLong = options.tooLong;
  }

  /** Takes what was read next. */
  push(bytes: Buffer): void {
    let from = 0;
    for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, from)) {
      this.#add(bytes.subarray(from, at));
      this.#finish();
      from = at + 1;
    }
    if (from < bytes.length) this.#add(bytes.subarray(from));
  }

  /** The stream has ended: a last line without LF counts. */
  end(): void {
    this.#finish();
  }

  #add(part: Buffer): void {
    if (this.#discarding) return;
    this.#length += part.length;
    if (this.#length > this.#maxBytes) {
      this.#discarding = true;
      this.#parts = [];
      this.#tooLong();
    } else {
      this.#parts.push(part);
    }
  }

  #finish(): void {
    const [first] = this.#parts;
    const whole = this.#parts.length === 1 && first ? first : Buffer.concat(this.#parts);
    this.#parts = [];
    this.#length = 0;
    if (this.#discarding) {
      this.#discarding = false;
      return;
    }
    const bytes = whole.at(-1) === 13 ? whole.subarray(0, -1) : whole;
    if (bytes.length > 0) this.#line(bytes);
  }
}
