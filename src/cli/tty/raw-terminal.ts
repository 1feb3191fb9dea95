import type { InputStream } from '../host.ts';

/** Puts our terminal into raw mode and back, whatever ends the process, kill -9 apart (SPEC {#cli_tty}). */
export class RawTerminal {
  readonly #input: InputStream;
  #raw = false;
  readonly #onExit = () => this.restore();
  // The program that stopped this one by a signal may have changed the mode.
  readonly #onContinue = () => {
    if (!this.#raw) return;
    this.#input.setRawMode?.(false);
    this.#input.setRawMode?.(true);
  };

  constructor(input: InputStream) {
    this.#input = input;
  }

  /** Every key comes as it is from here on. */
  enter(): void {
    if (this.#raw) return;
    this.#raw = true;
    process.on('exit', this.#onExit);
    process.on('SIGCONT', this.#onContinue);
    this.#input.setRawMode?.(true);
  }

  /** As it was; again: harmless. */
  restore(): void {
    if (!this.#raw) return;
    this.#raw = false;
    process.off('exit', this.#onExit);
    process.off('SIGCONT', this.#onContinue);
    this.#input.setRawMode?.(false);
  }
}
