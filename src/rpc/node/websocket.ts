import type { IncomingMessage } from 'node:http';
import WebSocket from 'ws';
import { onBytes } from '../../core/sign-of-life.ts';
import { Inbox } from '../client/inbox.ts';
import { refusalOf, type Transport } from '../client/index.ts';
import { CLOSE_MS, OPEN_MS, SILENT_MS } from './patience.ts';

/** Certificates of a client that connects with wss://, in PEM. */
export interface ClientTls {
  /** Who has signed the server's certificate; those whom Node trusts without it. */
  readonly ca?: Buffer | string;
  readonly cert?: Buffer | string;
  readonly key?: Buffer | string;
}

/**
 * Connects to a server's WebSocket. Rejects with RpcError when the server refuses (`unauthenticated`, `forbidden`),
 * with a system error when no server answers.
 *
 * @param url - `ws://host:port/rpc`, or `wss:`
 * @param silentMs - silence after which the connection is taken for dead, milliseconds
 */
export function connectWebSocket(
  url: string,
  token: string | undefined,
  tls: ClientTls = {},
  silentMs: number = SILENT_MS,
): Promise<Transport> {
  const socket = new WebSocket(url, ['headgate'], {
    perMessageDeflate: false,
    handshakeTimeout: OPEN_MS,
    ...tls,
    ...(token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } }),
  });
  return new Promise((resolve, reject) => {
    const transport = new WebSocketTransport(socket, silentMs);
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

class WebSocketTransport extends Inbox implements Transport {
  readonly #socket: WebSocket;
  #failure = 'the connection broke';

  constructor(socket: WebSocket, silentMs: number) {
    super();
    this.#socket = socket;
    const silence = setTimeout(() => {
      this.#failure = 'nothing came any more';
      socket.terminate();
    }, silentMs);
    // A long message takes its time, and pings come after it.
    onBytes(socket, () => silence.refresh());
    socket.on('message', (data: Buffer, binary: boolean) => {
      if (binary) this.tookBinary(data);
      else this.took(data.toString());
    });
    socket.on('close', (code: number, reason: Buffer) => {
      clearTimeout(silence);
      this.ended(reason.length > 0 ? reason.toString() : code === 1006 ? this.#failure : `closed with code ${code}`);
    });
  }

  send(message: string): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(message);
  }

  close(): void {
    this.#socket.close();
    setTimeout(() => this.#socket.terminate(), CLOSE_MS).unref();
  }
}
