const NEWLINE = 10;

/** Gives each whole line of a stream of Buffers, without its end, as a Buffer. */
export class LineSplitter {
  #each;
  #parts = [];

  constructor(each) {
    this.#each = each;
  }

  take(data) {
    let from = 0;
    for (let at = data.indexOf(NEWLINE); at >= 0; at = data.indexOf(NEWLINE, from)) {
      const last = data.subarray(from, at);
      from = at + 1;
      this.#each(this.#parts.length === 0 ? last : Buffer.concat([...this.#parts.splice(0), last]));
    }
    if (from < data.length) this.#parts.push(data.subarray(from));
  }
}
