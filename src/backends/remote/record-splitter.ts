import { randomBytes } from 'node:crypto';

/** Longest record that a script may write, bytes: thousands of pids. */
const MAX_RECORD_BYTES = 256 * 1024;
const NEWLINE = 10;

/** A word that no output holds by accident: scripts put it before what they say to us. */
export function makeNonce(): string {
  return randomBytes(12).toString('hex');
}

/**
 * Takes the records out of a stream of bytes: RS, the nonce, a blank, words, LF (see library.sh). What comes before
 * the first record is what the host's start-up files print, and is thrown away.
 */
export class RecordSplitter {
  readonly #mark: Buffer;
  readonly #bytes: (bytes: Buffer) => void;
  readonly #record: (words: readonly string[]) => void;
  #held: Buffer = Buffer.alloc(0);
  #begun = false;

  constructor(nonce: string, bytes: (bytes: Buffer) => void, record: (words: readonly string[]) => void) {
    this.#mark = Buffer.from(`\x1e${nonce} `);
    this.#bytes = bytes;
    this.#record = record;
  }

  /** Takes the next piece of the stream; what may be the beginning of a record is kept until the next. */
  push(piece: Buffer): void {
    let rest = this.#held.length > 0 ? Buffer.concat([this.#held, piece]) : piece;
    this.#held = Buffer.alloc(0);
    for (;;) {
      const at = rest.indexOf(this.#mark);
      if (at < 0) break;
      this.#emit(rest.subarray(0, at));
      const end = rest.indexOf(NEWLINE, at + this.#mark.length);
      if (end < 0) {
        if (rest.length - at < MAX_RECORD_BYTES) this.#held = rest.subarray(at);
        return;
      }
      this.#begun = true;
      this.#record(
        rest
          .toString('utf8', at + this.#mark.length, end)
          .split(' ')
          .filter((word) => word !== ''),
      );
      rest = rest.subarray(end + 1);
    }
    const partial = this.#partialAt(rest);
    this.#emit(rest.subarray(0, partial));
    this.#held = rest.subarray(partial);
  }

  /** Where, at the end of these bytes, a mark may begin. */
  #partialAt(bytes: Buffer): number {
    const from = Math.max(0, bytes.length - this.#mark.length + 1);
    for (let at = bytes.indexOf(0x1e, from); at >= 0; at = bytes.indexOf(0x1e, at + 1)) {
      if (this.#mark.subarray(0, bytes.length - at).equals(bytes.subarray(at))) return at;
    }
    return bytes.length;
  }

  #emit(bytes: Buffer): void {
    if (this.#begun && bytes.length > 0) this.#bytes(bytes);
  }
}

/** Bytes as text of one line for `printf %b` of a POSIX shell, which gives exactly these bytes. */
export function printfText(bytes: Buffer): string {
  let text = '';
  for (const byte of bytes) {
    text += byte < 32 || byte > 126 || byte === 92 ? `\\0${byte.toString(8).padStart(3, '0')}` : String.fromCharCode(byte);
  }
  return text;
}
