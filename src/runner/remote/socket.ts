import type { IncomingMessage } from 'node:http';
import WebSocket from 'ws';
import type { Clock } from '../../core/clock.ts';
import { onBytes } from '../../core/sign-of-life.ts';
import { Inbox } from '../../rpc/client/inbox.ts';
import { refusalOf } from '../../rpc/client/index.ts';
import type { RunnerConnection } from './connection.ts';
import type { RemoteRunnerOptions } from './remote-runner.ts';

/** How long a server may take to open a connection (milliseconds). */
const OPEN_MS = 10_000;
/** A runner's connection: JSON as text messages, output as binary ones. */
export class RunnerSocket extends Inbox implements RunnerConnection {
  readonly #socket: WebSocket;
  #heardAt: number;

  private constructor(socket: WebSocket, clock: Clock) {
    super();
    this.#socket = socket;
    this.#heardAt = clock.monotonic();
    const heard = () => {
      this.#heardAt = clock.monotonic();
    };
    // A long message takes its time, and pings come after it.
    onBytes(socket, heard);
    socket.on('message', (data: Buffer, binary: boolean) => {
      if (!binary) this.took(data.toString());
    });
    socket.on('close', (code: number, reason: Buffer) => {
      this.ended(reason.length > 0 ? reason.toString() : `the connection ended with code ${code}`);
    });
  }

  /** Connects. Rejects with RpcError when the server refuses, with a system error when no server responds. */
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

  /** Ends it without waiting for the server, which may not be there any more. */
  close(): void {
    this.#socket.terminate();
  }
}
