import { messageOf } from '../../../src/core/errors.ts';
import type { Runtime } from '../../../src/rpc/client/index.ts';

/** Characters that are sent at once. */
const PIECE_CHARS = 64 * 1024;

/** What is typed to one command: sent in order, one piece at a time, each once; never again after a lost connection. */
export class InputQueue {
  readonly #runtime: Runtime;
  readonly #run: string;
  readonly #path: string;
  readonly #failed: (why: string) => void;
  #waiting = '';
  #isSending = false;

  constructor(runtime: Runtime, run: string, path: string, failed: (why: string) => void) {
    this.#runtime = runtime;
    this.#run = run;
    this.#path = path;
    this.#failed = failed;
  }

  /** Sends text, after what was typed before. */
  type(text: string): void {
    this.#waiting += text;
    if (!this.#isSending) void this.#send();
  }

  /** Sends a line, or the end of the input; a secret one is refused where it would be shown. Throws what the server says. */
  async line(input: { text: string; secret: boolean } | 'end'): Promise<void> {
    const place = { run: this.#run, path: this.#path };
    if (input === 'end') await this.#runtime.call('stream/input', { ...place, eof: true });
    else await this.#runtime.call('stream/input', { ...place, chunk: `${input.text}\n`, ...(input.secret ? { secret: true } : {}) });
  }

  async #send(): Promise<void> {
    this.#isSending = true;
    try {
      while (this.#waiting !== '') {
        // Half of a surrogate pair is no text.
        const end = /^[\ud800-\udbff]$/.test(this.#waiting.charAt(PIECE_CHARS - 1)) ? PIECE_CHARS - 1 : PIECE_CHARS;
        const chunk = this.#waiting.slice(0, end);
        this.#waiting = this.#waiting.slice(end);
        await this.#runtime.call('stream/input', { run: this.#run, path: this.#path, chunk });
      }
    } catch (error) {
      this.#waiting = '';
      this.#failed(messageOf(error));
    } finally {
      this.#isSending = false;
    }
  }
}
