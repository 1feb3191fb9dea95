import type { IncomingMessage } from 'node:http';
import WebSocket from 'ws';
import { refusalOf, type Transport } from '../../rpc/client/index.ts';
import type { ClientTls } from '../tls-files.ts';

/**
 * Connects to a server's WebSocket. Rejects with RpcError when the server refuses (`unauthenticated`, `forbidden`),
 * with a system error when nobody answers.
 *
 * @param url - `ws://host:port/rpc`, or `wss:`
 */
export function connectWebSocket(url: string, token: string | undefined, tls: ClientTls = {}): Promise<Transport> {
  const socket = new WebSocket(url, ['headgate'], {
    perMessageDeflate: false,
    ...tls,
    ...(token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } }),
  });
  return new Promise((resolve, reject) => {
    const transport = new WebSocketTransport(socket);
    socket.once('open', () => resolve(transport));
    socket.on('error', reject);
    socket.once('unexpected-response', (_, response: IncomingMessage) => {
      void refusalOf(response).then((refusal) => {
        reject(refusal);
        socket.terminate();
      });
    });
  });
}

class WebSocketTransport implements Transport {
  readonly #socket: WebSocket;
  #handler: ((message: string) => void) | undefined;
  #binaryHandler: (message: Uint8Array) => void = () => {};
  /** What came before somebody listened: the greeting, and no binary message, which has to be asked for. */
  #early: string[] = [];
  #onClose: (reason: string) => void = () => {};
  #ended: string | undefined;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data: Buffer, binary: boolean) => {
      if (binary) return this.#binaryHandler(data);
      const message = data.toString();
      if (this.#handler) this.#handler(message);
      else this.#early.push(message);
    });
    socket.on('close', (code: number, reason: Buffer) => {
      this.#ended = reason.length > 0 ? reason.toString() : code === 1006 ? 'the connection broke' : `closed with code ${code}`;
      this.#onClose(this.#ended);
    });
  }

  send(message: string): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(message);
  }

  onMessage(handler: (message: string) => void): void {
    this.#handler = handler;
    for (const message of this.#early.splice(0)) handler(message);
  }

  onBinary(handler: (message: Uint8Array) => void): void {
    this.#binaryHandler = handler;
  }

  onClose(handler: (reason: string) => void): void {
    this.#onClose = handler;
    if (this.#ended !== undefined) handler(this.#ended);
  }

  close(): void {
    this.#socket.close();
  }
}
