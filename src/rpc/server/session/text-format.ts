import { StringDecoder } from 'node:string_decoder';
import { stripVTControlCharacters } from 'node:util';
import { cutSequenceAt } from '../../../core/control-sequences.ts';

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
    const end = cutSequenceAt(text);
    this.#held = text.slice(end);
    return stripVTControlCharacters(text.slice(0, end));
  }
}
