/** Pages that a commit writes beside the bytes of its segments: rows, indexes and their inner pages, rounded up. */
const COMMIT_BYTES = 64 * 1024;
/** The same for the usual commit, of one segment. */
const USUAL_COMMIT_BYTES = 32 * 1024;
/** Pages around the bytes of a segment: frame headers, the rest of its last page. */
const OVERHEAD = 1.05;

/**
 * How long the write-ahead log is, as the thread that writes can know it without asking SQLite: what the last
 * checkpoint found, and what has been committed since then, rounded up.
 */
export class LogLength {
  #found = 0;
  #since = 0;
  /** Committed since the round that is under way began: that round may not have seen it. */
  #sinceBegin = 0;
  #open = 0;
  #round = 0;

  /** Bytes. */
  get bytes(): number {
    return this.#found + this.#since;
  }

  /** What the open transaction will add, about (KiB). */
  get openKiB(): number {
    return Math.ceil((this.#open + USUAL_COMMIT_BYTES) / 1024);
  }

  /** Bytes of segments in the open transaction. */
  wrote(bytes: number): void {
    this.#open += bytes * OVERHEAD;
  }

  /** The transaction has been committed; `round` counts begins and ends of checkpoints, `found` asks what the last one found. */
  committed(round: number, found: () => number): void {
    const bytes = this.#open + COMMIT_BYTES;
    this.#open = 0;
    const underWay = round % 2;
    const ended = round - underWay;
    if (ended > this.#round) {
      this.#found = found();
      // A round that was seen under way has just ended: what was committed after its begin still counts.
      this.#since = ended === this.#round + 1 ? this.#sinceBegin : 0;
    }
    if (underWay === 1 && round !== this.#round) this.#sinceBegin = 0;
    this.#round = round;
    this.#since += bytes;
    this.#sinceBegin += bytes;
  }

  /** A checkpoint has just found this length, and nothing was appended since. */
  measured(bytes: number): void {
    this.#found = bytes;
    this.#since = 0;
  }
}
