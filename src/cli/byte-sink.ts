import { systemCode } from '../core/errors.ts';
import type { OutputStream } from './host.ts';

/** Errors of a file that takes no more; any other error is a reader that went away. */
const FULL: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/**
 * Standard output or error as a place for exact bytes: `write` resolves when there is room again, and a reader that
 * went away (`| head -1`) is a fact to ask for, never an exception.
 */
export class ByteSink {
  readonly stream: OutputStream;
  #gone = false;
  #failure: unknown;
  readonly #onGone = new Set<() => void>();

  constructor(stream: OutputStream) {
    this.stream = stream;
    stream.on('error', (error: unknown) => {
      // Whatever it is (EPIPE, EIO of a closed terminal, ENOSPC), nothing more can be said on this stream.
      if (systemCode(error) === 'EAGAIN') return;
      this.#gone = true;
      if (FULL.has(systemCode(error) ?? '')) this.#failure = error;
      for (const listener of [...this.#onGone]) listener();
    });
  }

  /** True once the reader has gone away. */
  get gone(): boolean {
    return this.#gone;
  }

  /** The error of a file that takes no more, as on a full disk; undefined where nothing went wrong or the reader went away. */
  get failure(): unknown {
    return this.#failure;
  }

  /** Calls `listener` once the reader has gone away; returns a function that removes the listener. */
  onGone(listener: () => void): () => void {
    if (this.#gone) {
      queueMicrotask(listener);
      return () => {};
    }
    this.#onGone.add(listener);
    return () => this.#onGone.delete(listener);
  }

  /** Writes and waits until the stream has room again; at once when its reader is gone. */
  write(bytes: Uint8Array | string): Promise<void> {
    if (this.#gone || bytes.length === 0 || this.stream.write(bytes)) return Promise.resolve();
    return new Promise((resolve) => {
      const settle = () => {
        this.stream.off('drain', settle);
        forget();
        resolve();
      };
      const forget = this.onGone(settle);
      this.stream.once('drain', settle);
    });
  }

  /** Resolves when everything written has left the process. */
  flush(): Promise<void> {
    if (this.#gone) return Promise.resolve();
    return new Promise((resolve) => {
      const forget = this.onGone(resolve);
      this.stream.write('', () => {
        forget();
        resolve();
      });
    });
  }
}
