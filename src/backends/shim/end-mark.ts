/**
 * Bytes that stand for the end of a channel in its spool file, written by a shim whose output others carry there: it knows
 * by them that all has arrived, and a reader stops before them (SPEC {#backend_tmux}).
 */
export class EndMark {
  readonly #mark: Buffer;

  constructor(mark: Buffer) {
    this.#mark = mark;
  }

  /** How many bytes of a piece come before the mark; undefined when the mark is not in it as a whole. */
  find(piece: Buffer): number | undefined {
    const at = piece.indexOf(this.#mark);
    return at < 0 ? undefined : at;
  }

  /** How many of a piece's last bytes may be the beginning of the mark. */
  begun(piece: Buffer): number {
    for (let length = Math.min(this.#mark.length - 1, piece.length); length > 0; length--) {
      if (this.#mark.subarray(0, length).equals(piece.subarray(piece.length - length))) return length;
    }
    return 0;
  }
}

/** Passes a stream on up to the mark in it. */
export class UntilMark {
  readonly #mark: EndMark;
  readonly #pass: (bytes: Buffer) => void;
  #held: Buffer = Buffer.alloc(0);
  /** True once the mark was there. */
  found = false;

  constructor(mark: EndMark, pass: (bytes: Buffer) => void) {
    this.#mark = mark;
    this.#pass = pass;
  }

  push(piece: Buffer): void {
    if (this.found) return;
    const bytes = this.#held.length > 0 ? Buffer.concat([this.#held, piece]) : piece;
    const end = this.#mark.find(bytes);
    this.found = end !== undefined;
    const kept = end ?? bytes.length - this.#mark.begun(bytes);
    this.#held = this.found ? Buffer.alloc(0) : bytes.subarray(kept);
    if (kept > 0) this.#pass(bytes.subarray(0, kept));
  }

  /** Nothing more comes: what might have been the beginning of the mark is output. */
  flush(): void {
    const held = this.#held;
    this.#held = Buffer.alloc(0);
    if (held.length > 0) this.#pass(held);
  }
}
