import type { IncomingMessage } from 'node:http';
import WebSocket from 'ws';
import type { Clock } from '../../core/clock.ts';
import { refusalOf } from '../../rpc/client/index.ts';
import type { RunnerConnection } from './connection.ts';
import type { RemoteRunnerOptions } from './remote-runner.ts';

/** How long a server may take to open a connection (milliseconds). */
const OPEN_MS = 10_000;
/** A runner's connection: JSON as text messages, output as binary ones. */
export class RunnerSocket implements RunnerConnection {
  readonly #socket: WebSocket;
  #handler: ((message: string) => void) | undefined;
  #early: string[] = [];
  #onClose: (reason: string) => void = () => {};
  #ended: string | undefined;
  #heardAt: number;

  private constructor(socket: WebSocket, clock: Clock) {
    this.#socket = socket;
    this.#heardAt = clock.monotonic();
    const heard = () => {
      this.#heardAt = clock.monotonic();
    };
    socket.on('ping', heard);
    socket.on('message', (data: Buffer, binary: boolean) => {
      heard();
      if (binary) return;
      if (this.#handler) this.#handler(data.toString());
      else this.#early.push(data.toString());
    });
    socket.on('close', (code: number, reason: Buffer) => {
      this.#ended = reason.length > 0 ? reason.toString() : `the connection ended with code ${code}`;
      this.#onClose(this.#ended);
    });
  }

  /** Connects. Rejects with RpcError when the server refuses, with a system error when nobody answers. */
  static connect({
    url,
    token,
    tls,
    clock,
    signal,
  }: Pick<RemoteRunnerOptions, 'url' | 'token' | 'tls' | 'clock' | 'signal'>): Promise<RunnerSocket> {
    const socket = new WebSocket(url, ['headgate'], {
      perMessageDeflate: false,
      ...tls,
      handshakeTimeout: OPEN_MS,
      ...(token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } }),
    });
    return new Promise((resolve, reject) => {
      const connection = new RunnerSocket(socket, clock);
      const onAbort = () => socket.terminate();
      signal.addEventListener('abort', onAbort, { once: true });
      socket.once('open', () => {
        signal.removeEventListener('abort', onAbort);
        resolve(connection);
      });
      socket.on('error', reject);
      socket.once('close', () => reject(new Error('the connection was not opened')));
      socket.once('unexpected-response', (_, response: IncomingMessage) => {
        void refusalOf(response).then((refusal) => {
          reject(refusal);
          socket.terminate();
        });
      });
    });
  }

  /** Monotonic milliseconds at which something last came; the opening counts. */
  get heardAt(): number {
    return this.#heardAt;
  }

  send(message: string): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(message);
  }

  /** Sends one binary message. */
  sendFrame(frame: Buffer): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(frame, { binary: true });
  }

  onMessage(handler: (message: string) => void): void {
    this.#handler = handler;
    for (const message of this.#early.splice(0)) handler(message);
  }

  onClose(handler: (reason: string) => void): void {
    this.#onClose = handler;
    if (this.#ended !== undefined) handler(this.#ended);
  }

  /** Ends it without waiting for the server, which may not be there any more. */
  close(): void {
    this.#socket.terminate();
  }
}
