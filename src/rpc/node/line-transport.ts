import type { Readable, Writable } from 'node:stream';
import { LineSplitter } from '../../core/line-splitter.ts';
import type { Transport } from '../client/index.ts';

/** A line of the server's at most: a message is 16 MiB, and what it quotes may grow when it is escaped. */
const MAX_LINE_BYTES = 128 * 1024 * 1024;

/** What carries lines both ways. */
export interface LinePipe {
  readonly input: Readable;
  readonly output: Writable;
  /** Ends both, once what was written has gone out. */
  end(): void;
  /** Calls once it is over, with why. */
  onEnd(listener: (reason: string) => void): void;
}

/** One JSON message a line, over a socket or a process (SPEC {#transport_lines}). */
export class LineTransport implements Transport {
  readonly #pipe: LinePipe;
  #onClose: (reason: string) => void = () => {};
  #ended: string | undefined;

  constructor(pipe: LinePipe) {
    this.#pipe = pipe;
    pipe.onEnd((reason) => {
      this.#ended = reason;
      this.#onClose(reason);
    });
  }

  send(message: string): void {
    if (this.#pipe.output.writable) this.#pipe.output.write(`${message}\n`);
  }

  onMessage(handler: (message: string) => void): void {
    const { input } = this.#pipe;
    const lines = new LineSplitter({
      maxBytes: MAX_LINE_BYTES,
      line: (bytes) => handler(bytes.toString()),
      tooLong: () => input.destroy(new Error(`the server sent a line over ${MAX_LINE_BYTES} bytes`)),
    });
    input.on('data', (bytes: Buffer) => lines.push(bytes));
  }

  onClose(handler: (reason: string) => void): void {
    this.#onClose = handler;
    if (this.#ended !== undefined) handler(this.#ended);
  }

  close(): void {
    this.#pipe.end();
  }
}
