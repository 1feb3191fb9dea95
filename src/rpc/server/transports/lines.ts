import type { Readable, Writable } from 'node:stream';
import { LineSplitter } from '../../../core/line-splitter.ts';
import { type CloseReason, type Inbound, LOW_WATER_BYTES, type MessageChannelLike } from './message-channel.ts';

const LF = Buffer.from('\n');

/** How long the peer may take to read what was sent before the end. */
const CLOSE_MS = 1000;

/** One JSON message a line over any pair of byte streams: a unix socket, standard input and output (SPEC {#transport_lines}). */
export class LineChannel implements MessageChannelLike {
  readonly #input: Readable;
  readonly #output: Writable;
  #message: (message: Inbound) => void = () => {};
  #drain: () => void = () => {};
  #close: () => void = () => {};
  #open = true;
  #above = false;

  /** @param options - `maxBytes`: of one line, LF not counted */
  constructor(options: { input: Readable; output: Writable; maxBytes: number }) {
    this.#input = options.input;
    this.#output = options.output;
    const lines = new LineSplitter({
      maxBytes: options.maxBytes,
      line: (bytes) => this.#open && this.#message({ kind: 'text', bytes }),
      tooLong: () => this.#open && this.#message({ kind: 'too_large', limit: options.maxBytes }),
    });
    this.#input.on('data', (bytes: Buffer) => lines.push(bytes));
    this.#input.on('end', () => {
      lines.end();
      if (this.#open) this.#message({ kind: 'end' });
    });
    for (const stream of new Set([this.#input, this.#output])) {
      stream.on('close', () => this.#ended());
      stream.on('error', () => this.#ended());
    }
  }

  send(message: Buffer | string): void {
    if (!this.#open) return;
    this.#output.cork();
    this.#output.write(message);
    this.#output.write(LF, () => this.#written());
    this.#output.uncork();
    if (this.bufferedBytes() > LOW_WATER_BYTES) this.#above = true;
  }

  bufferedBytes(): number {
    return this.#output.writableLength;
  }

  pause(): void {
    this.#input.pause();
  }

  resume(): void {
    this.#input.resume();
  }

  onMessage(listener: (message: Inbound) => void): void {
    this.#message = listener;
  }

  onDrain(listener: () => void): void {
    this.#drain = listener;
  }

  onClose(listener: () => void): void {
    this.#close = listener;
  }

  close(_reason: CloseReason): void {
    if (!this.#open) return;
    const timer = setTimeout(() => {
      this.#output.destroy();
      this.#input.destroy();
    }, CLOSE_MS);
    timer.unref();
    // Everything is with the network or the reader now; of a socket, which is both streams, this closes the rest.
    this.#output.end(() => {
      clearTimeout(timer);
      this.#input.destroy();
    });
    this.#ended();
  }

  #written(): void {
    if (!this.#above || this.bufferedBytes() > LOW_WATER_BYTES) return;
    this.#above = false;
    if (this.#open) this.#drain();
  }

  #ended(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#close();
  }
}
