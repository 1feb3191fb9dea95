/**
 * Marks every line with the number of its channel (`1| `, `2| `), so that both can share one stream. Pieces of a line
 * that come apart stay one line as long as no other channel writes between them.
 */
export class LineLabels {
  #open: number | undefined;

  /** The bytes of one channel with a label at the beginning of each line. */
  label(channel: number, bytes: Buffer): Buffer {
    if (bytes.length === 0) return bytes;
    const label = Buffer.from(`${channel}| `);
    const parts: Buffer[] = [];
    let fresh = true;
    if (this.#open === channel) fresh = false;
    else if (this.#open !== undefined) parts.push(Buffer.from('\n'));
    let begin = 0;
    while (begin < bytes.length) {
      const lf = bytes.indexOf(10, begin);
      const end = lf < 0 ? bytes.length : lf + 1;
      if (fresh) parts.push(label);
      parts.push(bytes.subarray(begin, end));
      fresh = lf >= 0;
      begin = end;
    }
    this.#open = fresh ? undefined : channel;
    return Buffer.concat(parts);
  }

  /** Ends an unfinished line. */
  end(): string {
    const end = this.#open === undefined ? '' : '\n';
    this.#open = undefined;
    return end;
  }
}
