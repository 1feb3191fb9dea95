import { connect, type Socket } from 'node:net';
import { LineSplitter } from '../../core/line-splitter.ts';
import type { Transport } from '../../rpc/client/index.ts';

/** A line of the server's at most: a message is 16 MiB, and what it quotes may grow when it is escaped. */
const MAX_LINE_BYTES = 128 * 1024 * 1024;

/** Connects to a server's unix socket. Rejects with the system error when nobody listens there. */
export function connectUnixSocket(path: string): Promise<Transport> {
  const socket = connect(path);
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(new UnixSocketTransport(socket));
    });
  });
}

class UnixSocketTransport implements Transport {
  readonly #socket: Socket;
  #onClose: (reason: string) => void = () => {};
  #ended: string | undefined;
  #failure = '';

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('error', (error) => {
      this.#failure = error.message;
    });
    socket.on('close', () => {
      this.#ended = this.#failure;
      this.#onClose(this.#ended);
    });
  }

  send(message: string): void {
    if (this.#socket.writable) this.#socket.write(`${message}\n`);
  }

  onMessage(handler: (message: string) => void): void {
    const lines = new LineSplitter({
      maxBytes: MAX_LINE_BYTES,
      line: (bytes) => handler(bytes.toString()),
      tooLong: () => this.#socket.destroy(new Error(`the server sent a line over ${MAX_LINE_BYTES} bytes`)),
    });
    this.#socket.on('data', (bytes: Buffer) => lines.push(bytes));
  }

  onClose(handler: (reason: string) => void): void {
    this.#onClose = handler;
    if (this.#ended !== undefined) handler(this.#ended);
  }

  close(): void {
    this.#socket.destroySoon();
  }
}
