import { messageOf } from '../../../src/core/errors.ts';
import { base64 } from '../../../src/rpc/client/bytes.ts';
import type { Runtime } from '../../../src/rpc/client/index.ts';
import { bytesWord } from '../ui/words.ts';

/** Bytes that are sent at once. */
const PIECE_BYTES = 64 * 1024;
/** How long to wait before sending again what was not taken at all, milliseconds. */
const PAUSE_MS = 250;

const encoder = new TextEncoder();

/**
 * What is typed to one command: sent in order, one piece at a time, each byte once, what the command does not take at once
 * as soon as it does; never again after a lost connection.
 */
export class InputQueue {
  readonly #runtime: Runtime;
  readonly #place: { readonly run: string; readonly path: string };
  readonly #tell: (what: string) => void;
  #typed = '';
  #isSending = false;
  #lines: Promise<void> = Promise.resolve();

  /** `tell` hears why what was typed does not arrive, and an empty text when it does again. */
  constructor(runtime: Runtime, run: string, path: string, tell: (what: string) => void) {
    this.#runtime = runtime;
    this.#place = { run, path };
    this.#tell = tell;
  }

  /** Sends text, after what was typed before. */
  type(text: string): void {
    this.#typed += text;
    if (!this.#isSending) void this.#send();
  }

  /** Sends a line after those before it, or the end of the input; a secret one is refused where it would be shown. Throws what the server says. */
  line(input: { text: string; secret: boolean } | 'end'): Promise<void> {
    const sent = this.#lines.then(() => (input === 'end' ? this.#end() : this.#deliver(`${input.text}\n`, input.secret)));
    this.#lines = sent.catch(() => {});
    return sent;
  }

  async #send(): Promise<void> {
    this.#isSending = true;
    try {
      while (this.#typed !== '') {
        const text = this.#typed;
        this.#typed = '';
        await this.#deliver(text, false);
      }
    } catch (error) {
      this.#typed = '';
      this.#tell(messageOf(error));
    } finally {
      this.#isSending = false;
    }
  }

  async #end(): Promise<void> {
    await this.#runtime.call('stream/input', { ...this.#place, eof: true });
  }

  async #deliver(text: string, secret: boolean): Promise<void> {
    let isSlow = false;
    let rest = encoder.encode(text);
    while (rest.length > 0) {
      const piece = rest.subarray(0, PIECE_BYTES);
      const { bytes } = await this.#runtime.call('stream/input', {
        ...this.#place,
        chunk: base64(piece),
        encoding: 'base64',
        ...(secret ? { secret } : {}),
      });
      rest = rest.subarray(bytes);
      if (bytes < piece.length) {
        isSlow = true;
        this.#tell(`the rest (${bytesWord(rest.length)}) waits until the command reads`);
      }
      if (bytes === 0) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
    if (isSlow) this.#tell('');
  }
}
