import { connect, type Socket } from 'node:net';
import type { Clock } from '../../core/clock.ts';
import { LineSplitter } from '../../core/line-splitter.ts';
import type { RunnerConnection } from './connection.ts';

/** A message of the server's at most; what it quotes may grow when it is escaped. */
const MAX_LINE_BYTES = 128 * 1024 * 1024;

/** A runner's connection over the server's unix socket: a message a line, output as `$/binary` in base64 (SPEC {#runner_output}). */
export class LineConnection implements RunnerConnection {
  readonly #socket: Socket;
  #onClose: (reason: string) => void = () => {};
  #ended: string | undefined;
  #heardAt: number;
  readonly #clock: Clock;

  private constructor(socket: Socket, clock: Clock) {
    this.#socket = socket;
    this.#clock = clock;
    this.#heardAt = clock.monotonic();
    let failure = 'the connection ended';
    socket.on('error', (error) => {
      failure = error.message;
    });
    socket.on('close', () => {
      this.#ended = failure;
      this.#onClose(failure);
    });
  }

  /** Connects. Rejects with the system error when no server listens there. */
  static connect(path: string, clock: Clock, signal: AbortSignal): Promise<LineConnection> {
    const socket = connect(path);
    return new Promise((resolve, reject) => {
      const onAbort = () => socket.destroy(new Error('the runner is to end'));
      signal.addEventListener('abort', onAbort, { once: true });
      socket.once('error', reject);
      socket.once('connect', () => {
        signal.removeEventListener('abort', onAbort);
        socket.off('error', reject);
        resolve(new LineConnection(socket, clock));
      });
    });
  }

  get heardAt(): number {
    return this.#heardAt;
  }

  send(message: string): void {
    if (this.#socket.writable) this.#socket.write(`${message}\n`);
  }

  sendFrame(frame: Buffer): void {
    // Base64 needs no escaping.
    this.send(`{"jsonrpc":"2.0","method":"$/binary","params":{"bytes":"${frame.toString('base64')}"}}`);
  }

  onMessage(handler: (message: string) => void): void {
    const lines = new LineSplitter({
      maxBytes: MAX_LINE_BYTES,
      line: (bytes) => handler(bytes.toString()),
      tooLong: () => this.#socket.destroy(new Error(`the server sent a line over ${MAX_LINE_BYTES} bytes`)),
    });
    this.#socket.on('data', (bytes: Buffer) => {
      this.#heardAt = this.#clock.monotonic();
      lines.push(bytes);
    });
  }

  onClose(handler: (reason: string) => void): void {
    this.#onClose = handler;
    if (this.#ended !== undefined) handler(this.#ended);
  }

  close(): void {
    this.#socket.destroy();
  }
}
