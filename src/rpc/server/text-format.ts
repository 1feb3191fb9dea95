import { StringDecoder } from 'node:string_decoder';
import { stripVTControlCharacters } from 'node:util';

/** An escape sequence that is longer than this is no escape sequence. */
const MAX_SEQUENCE_CHARS = 4096;

/**
 * The beginning of a control sequence whose end has not come: ESC alone, ESC and intermediates, an unfinished CSI, or
 * an unfinished OSC, DCS, PM, APC or SOS string (ECMA-48 section 5.4 and 5.6).
 */
const OPEN_SEQUENCE = /\u001b(?:[ -/]*|\[[0-?]*[ -/]*|[\]PX^_][^\u0007\u001b]*\u001b?)$/;

/**
 * One channel as text without ANSI and control sequences, for `format: "text"` (SPEC {#stream_format}). A sequence or a
 * character that is cut by the end of a piece is held until the rest comes; bytes that are not UTF-8 become U+FFFD.
 */
export class TextFormat {
  readonly #decoder = new StringDecoder('utf8');
  #held = '';

  /** The text that these bytes complete; may be empty. */
  push(bytes: Buffer): string {
    return this.#strip(this.#held + this.#decoder.write(bytes));
  }

  /** What is left at the end of the channel; a sequence that never ended is dropped. */
  end(): string {
    const text = this.#strip(this.#held + this.#decoder.end());
    this.#held = '';
    return text;
  }

  #strip(text: string): string {
    // Only the last MAX_SEQUENCE_CHARS can hold an unfinished sequence: the search stays short however long the text is.
    const from = Math.max(0, text.length - MAX_SEQUENCE_CHARS);
    const open = OPEN_SEQUENCE.exec(text.slice(from));
    const end = open ? from + open.index : text.length;
    this.#held = text.slice(end);
    return stripVTControlCharacters(text.slice(0, end));
  }
}
