import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { HeadgateError } from '../../../core/errors.ts';
import { InTurn } from '../../../core/in-turn.ts';
import { InputCount } from '../../../model/input-position.ts';
import type { InputTaken } from '../../../model/ports/backend.ts';

/** How long a write waits for the command to read (milliseconds). */
const PATIENCE_MS = 2000;
/** Bytes that are given to the connection at once: what is taken and not yet read is at most so much. */
const SLICE_BYTES = 16 * 1024;
const END_OF_INPUT = Buffer.from([4]);

/**
 * The input side of an attached stream. A slice counts as taken once it is handed to the connection, and the next one
 * follows only when that has gone out, so nothing is sent twice (SPEC {#stdin}).
 */
export class AttachedInput {
  readonly #tty: boolean;
  #stream: Duplex | undefined;
  #ended = false;
  #busy = false;
  readonly #turns = new InTurn();
  readonly #count = new InputCount();

  constructor(tty: boolean) {
    this.#tty = tty;
  }

  /** The connection that carries it from now on; undefined: there is none. */
  use(stream: Duplex | undefined): void {
    this.#stream = stream;
    this.#busy = false;
  }

  /** True while something carries it. */
  get connected(): boolean {
    return this.#stream !== undefined && !this.#stream.destroyed;
  }

  /** Writes; returns the bytes taken. Throws `conflict` after the end of input, or without a connection, and `offset_conflict`. */
  write(bytes: Buffer, offset?: number): Promise<InputTaken> {
    return this.#turns.run(() => this.#count.write(bytes, offset, (rest) => this.#write(rest)));
  }

  /** Ends the input: a terminal gets its end-of-input character. */
  end(): Promise<void> {
    return this.#turns.run(async () => {
      if (this.#ended) return;
      if (this.#tty) await this.#write(END_OF_INPUT);
      else this.#stream?.end();
      this.#ended = !this.#tty;
    });
  }

  async #write(bytes: Buffer): Promise<number> {
    const deadline = AbortSignal.timeout(PATIENCE_MS);
    let taken = 0;
    do {
      const stream = this.#stream;
      if (this.#ended || !stream || stream.destroyed || !stream.writable) {
        if (taken > 0) return taken;
        throw new HeadgateError(
          'conflict',
          'the command takes no more input: it or its input has ended, or it was taken up after a restart',
        );
      }
      if (!this.#busy) taken += this.#slice(stream, bytes.subarray(taken, taken + SLICE_BYTES));
      while (this.#busy && !deadline.aborted && this.#stream === stream && !stream.destroyed) await delay(1);
    } while (taken < bytes.length && !deadline.aborted);
    return taken;
  }

  #slice(stream: Duplex, slice: Buffer): number {
    if (slice.length === 0) return 0;
    this.#busy = true;
    stream.write(slice, () => {
      if (this.#stream === stream) this.#busy = false;
    });
    return slice.length;
  }
}
