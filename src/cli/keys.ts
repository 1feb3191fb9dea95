import type { InputStream } from './host.ts';

/**
 * Single keys of a terminal in raw mode. `pause` gives the terminal back for a line of text; `close` for good.
 */
export class Keys {
  readonly #input: InputStream;
  readonly #onKey: (key: string) => void;
  #raw = false;
  readonly #onData = (data: Buffer | string) => {
    for (const key of data.toString()) this.#onKey(key);
  };
  readonly #restore = () => this.pause();

  constructor(input: InputStream, onKey: (key: string) => void) {
    this.#input = input;
    this.#onKey = onKey;
    process.on('exit', this.#restore);
  }

  /** Begins to listen. */
  resume(): void {
    if (this.#raw) return;
    this.#raw = true;
    this.#input.setRawMode?.(true);
    this.#input.on('data', this.#onData);
    this.#input.resume();
  }

  /** Puts the terminal back into line mode. */
  pause(): void {
    if (!this.#raw) return;
    this.#raw = false;
    this.#input.off('data', this.#onData);
    this.#input.setRawMode?.(false);
    this.#input.pause();
  }

  /** Stops listening for good, so that the process can end. */
  close(): void {
    this.pause();
    process.off('exit', this.#restore);
  }
}

export const CTRL_C = '\u0003';
export const CTRL_D = '\u0004';
