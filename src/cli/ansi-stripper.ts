const ESC = 0x1b;
const BEL = 0x07;
/** A control string that does not end within so many bytes is treated as text. */
const MAX_STRING_BYTES = 4096;

type State = 'text' | 'escape' | 'intermediate' | 'csi' | 'string' | 'string-escape';

/**
 * Takes terminal control sequences (ECMA-48: ESC, CSI, OSC and the other control strings) out of a byte stream.
 * A sequence may be split anywhere between two calls. Bytes above 0x7f are text, so UTF-8 passes unharmed.
 */
export class AnsiStripper {
  #state: State = 'text';
  #stringBytes = 0;

  /** The text in `bytes`; what belongs to an unfinished sequence is held back. */
  strip(bytes: Buffer): Buffer {
    if (this.#state === 'text' && bytes.indexOf(ESC) < 0) return bytes;
    const kept = Buffer.allocUnsafe(bytes.length);
    let length = 0;
    for (const byte of bytes) {
      if (this.#state === 'text' && byte !== ESC) kept[length++] = byte;
      else this.#step(byte);
    }
    return kept.subarray(0, length);
  }

  #step(byte: number): void {
    switch (this.#state) {
      case 'text':
        this.#state = 'escape';
        return;
      case 'escape':
        this.#afterEscape(byte);
        return;
      case 'intermediate':
        if (byte < 0x20 || byte > 0x2f) this.#state = 'text';
        return;
      case 'csi':
        if (byte === ESC) this.#state = 'escape';
        else if (byte >= 0x40 && byte <= 0x7e) this.#state = 'text';
        return;
      case 'string':
        if (byte === BEL || ++this.#stringBytes > MAX_STRING_BYTES) this.#state = 'text';
        else if (byte === ESC) this.#state = 'string-escape';
        return;
      case 'string-escape':
        if (byte === 0x5c) this.#state = 'text';
        else this.#afterEscape(byte);
        return;
    }
  }

  #afterEscape(byte: number): void {
    this.#stringBytes = 0;
    if (byte === 0x5b) this.#state = 'csi';
    else if (byte === 0x5d || byte === 0x50 || byte === 0x58 || byte === 0x5e || byte === 0x5f) this.#state = 'string';
    else if (byte >= 0x20 && byte <= 0x2f) this.#state = 'intermediate';
    else if (byte !== ESC) this.#state = 'text';
  }
}
