/** Characters of a control string after which it is taken for over. */
const MAX_STRING_BYTES = 4096;
const ESC = 0x1b;
const LF = 10;

/** A control sequence of ECMA-48 that is complete. */
export interface Sequence {
  /** `[` for CSI, `]` for a control string of any kind, else the final character of an escape sequence. */
  readonly kind: string;
  /** Of a CSI: parameters as written, `?25` for example, and the final character. */
  readonly text: string;
  readonly final: string;
}

/** Takes control sequences byte by byte, so that one may be cut anywhere between two pieces of output. */
export class SequenceReader {
  #bytes = '';
  #kind: 'none' | 'escape' | 'csi' | 'string' = 'none';
  #length = 0;

  constructor(from?: SequenceReader) {
    if (!from) return;
    this.#bytes = from.#bytes;
    this.#kind = from.#kind;
    this.#length = from.#length;
  }

  /** In the middle of one. */
  get open(): boolean {
    return this.#kind !== 'none';
  }

  /** ESC has come. */
  begin(): void {
    this.#kind = 'escape';
    this.#bytes = '';
    this.#length = 0;
  }

  /** Takes the next byte; returns the sequence that it ends, or `cancelled` when it is no part of one and is text again. */
  take(byte: number): Sequence | 'cancelled' | undefined {
    this.#length++;
    if (byte === 0x18 || byte === 0x1a) return this.#end({ kind: 'cancel', text: '', final: '' });
    switch (this.#kind) {
      case 'escape':
        return this.#escape(byte);
      case 'csi':
        return this.#csi(byte);
      case 'string':
        return this.#string(byte);
      case 'none':
        return 'cancelled';
    }
  }

  #escape(byte: number): Sequence | 'cancelled' | undefined {
    if (byte >= 0x20 && byte <= 0x2f) {
      this.#bytes += String.fromCharCode(byte);
      return undefined;
    }
    if (byte < 0x30 || byte > 0x7e) return byte === ESC ? this.#again() : this.#cancel();
    const character = String.fromCharCode(byte);
    if (this.#bytes === '' && character === '[') {
      this.#kind = 'csi';
      return undefined;
    }
    if (this.#bytes === '' && ']PX^_'.includes(character)) {
      this.#kind = 'string';
      this.#bytes = character;
      return undefined;
    }
    return this.#end({ kind: this.#bytes === '' ? character : 'charset', text: '', final: character });
  }

  #csi(byte: number): Sequence | 'cancelled' | undefined {
    if (byte === ESC) return this.#again();
    if (byte < 0x20 || byte > 0x7e || this.#length > MAX_STRING_BYTES) return this.#cancel();
    if (byte >= 0x40) return this.#end({ kind: '[', text: this.#bytes, final: String.fromCharCode(byte) });
    if (this.#bytes.length < 64) this.#bytes += String.fromCharCode(byte);
    return undefined;
  }

  #string(byte: number): Sequence | 'cancelled' | undefined {
    // BEL, or ESC \; after any ESC within a string comes its end.
    if (byte === 7 || this.#length > MAX_STRING_BYTES) return this.#end({ kind: ']', text: '', final: '' });
    if (byte === ESC) return this.#again();
    // A title has one line: what comes after belongs to an end that was forgotten.
    if (byte === LF && this.#bytes === ']') return this.#cancel();
    return undefined;
  }

  #again(): undefined {
    this.begin();
    return undefined;
  }

  #cancel(): 'cancelled' {
    this.#kind = 'none';
    return 'cancelled';
  }

  #end(sequence: Sequence): Sequence {
    this.#kind = 'none';
    return sequence;
  }
}

/** The numbers of a CSI; a missing one is `absent`. Markers such as `?` are left out. */
export function parameter(text: string, index: number, absent: number): number {
  const value = Number.parseInt(text.replace(/^[<-?]/, '').split(/[;:]/)[index] ?? '', 10);
  return Number.isFinite(value) ? Math.min(value, 1_000_000) : absent;
}
