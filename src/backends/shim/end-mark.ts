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
