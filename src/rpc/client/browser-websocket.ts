import { Inbox } from './inbox.ts';
import type { Transport } from './transport.ts';

/** What is used of a browser's WebSocket. */
interface BrowserSocket {
  binaryType: string;
  readonly readyState: number;
  onopen: (() => void) | null;
  onclose: ((event: { readonly code: number; readonly reason: string }) => void) | null;
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  send(message: string): void;
  close(): void;
}

/** `WebSocket.OPEN` */
const OPEN = 1;

/**
 * Connects with the WebSocket of a browser, which cannot set headers: the token goes as a subprotocol (SPEC {#access}).
 * Rejects when it is not opened; a browser does not say why.
 *
 * @param url - `ws://host:port/rpc`, or `wss:`
 */
export function browserWebSocket(url: string, token?: string): Promise<Transport> {
  const { WebSocket } = globalThis as unknown as { WebSocket: new (url: string, protocols: string[]) => BrowserSocket };
  const socket = new WebSocket(url, ['headgate', ...(token === undefined ? [] : [`bearer.${token}`])]);
  socket.binaryType = 'arraybuffer';
  return new Promise((resolve, reject) => {
    const transport = new BrowserTransport(socket, ({ code, reason }) =>
      reject(new Error(`no WebSocket at ${url}: ${reason || `closed with code ${code}`}`)),
    );
    socket.onopen = () => resolve(transport);
  });
}

class BrowserTransport extends Inbox implements Transport {
  readonly #socket: BrowserSocket;

  constructor(socket: BrowserSocket, refused: (event: { readonly code: number; readonly reason: string }) => void) {
    super();
    this.#socket = socket;
    socket.onmessage = ({ data }) => {
      if (data instanceof ArrayBuffer) this.tookBinary(new Uint8Array(data));
      else this.took(String(data));
    };
    socket.onclose = (event) => {
      refused(event);
      this.ended(event.reason || `closed with code ${event.code}`);
    };
  }

  send(message: string): void {
    if (this.#socket.readyState === OPEN) this.#socket.send(message);
  }

  close(): void {
    this.#socket.close();
  }
}
