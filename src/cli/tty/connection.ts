import type { IncomingMessage } from 'node:http';
import WebSocket from 'ws';
import { ConnectionClosed, RpcError, refusalOf } from '../../rpc/client/index.ts';
import type { ClientTls } from '../../rpc/node/index.ts';
import { type TtyFirst, type TtyNews, type TtyOpened, ttyOpened } from '../../rpc/protocol/tty.ts';
import { TTY_CHUNK_BYTES, TTY_HEADER_BYTES, type TtyControl, TtyDecoder, ttyChunk, ttyControl } from '../../rpc/protocol/tty-frames.ts';

/** Where sessions are opened. */
export interface TtyTarget {
  /** `ws://host:port/tty` */
  readonly url: string;
  readonly token: string | undefined;
  readonly tls?: ClientTls | undefined;
  /** Silence after which the connection is taken for dead, milliseconds; that of three pings by default. */
  readonly silentMs?: number;
}

/** Who takes what comes, once the connection has begun. `output` and `news` are called in order; the next one waits for the last. */
export interface TtyListener {
  output(stream: 'stdout' | 'stderr', bytes: Buffer): Promise<void> | void;
  news(news: TtyNews): Promise<void> | void;
}

/** Bytes that may wait for the listener before the connection is read no further, and below which it is. */
const FULL_BYTES = 1024 * 1024;
const ROOM_BYTES = 256 * 1024;
/** The server pings every 15 s (SPEC {#ping}). */
const SILENT_MS = 45_000;
/** How long a server may take to take the connection. */
const HANDSHAKE_MS = 10_000;
/** Input that may wait for the network. */
const INPUT_BYTES = 1024 * 1024;

/** One connection of the terminal carriage, from the client's side (SPEC {#tty_open}). */
export class TtyConnection {
  readonly opened: TtyOpened;
  /** Resolves, with why, when the connection has ended and the listener has been given everything before. */
  readonly ended: Promise<string>;
  readonly #socket: WebSocket;
  readonly #incoming: Incoming;
  #closed = false;

  private constructor(socket: WebSocket, opened: TtyOpened, incoming: Incoming) {
    this.#socket = socket;
    this.#incoming = incoming;
    this.opened = opened;
    this.ended = incoming.ended.then((why) => {
      this.#closed = true;
      return why;
    });
  }

  /**
   * Opens a session. Rejects with RpcError when the server refuses, with a system error when no server responds, with
   * ConnectionClosed when it ended before the answer: the command may have been started, or not.
   */
  static async open(target: TtyTarget, first: TtyFirst, listener: TtyListener): Promise<TtyConnection> {
    const socket = new WebSocket(target.url, ['headgate'], {
      perMessageDeflate: false,
      maxPayload: TTY_HEADER_BYTES + TTY_CHUNK_BYTES,
      handshakeTimeout: HANDSHAKE_MS,
      ...target.tls,
      ...(target.token === undefined ? {} : { headers: { authorization: `Bearer ${target.token}` } }),
    });
    const incoming = new Incoming(socket, listener, target.silentMs ?? SILENT_MS);
    await connected(socket);
    socket.send(JSON.stringify(first));
    return new TtyConnection(socket, await incoming.answer, incoming);
  }

  /** From here on the listener is given what comes: output can be there together with the answer that says where it begins. */
  begin(): void {
    this.#incoming.begin();
  }

  /** Sends input; resolves when there is room for more. */
  async input(bytes: Buffer): Promise<void> {
    if (this.#closed || bytes.length === 0) return;
    const sent = new Promise<void>((resolve) => this.#socket.send(ttyChunk('stdin', bytes), () => resolve()));
    if (this.#socket.bufferedAmount > INPUT_BYTES) await sent;
  }

  control(control: TtyControl): void {
    if (!this.#closed) this.#socket.send(ttyControl(control));
  }

  /** Ends the connection and leaves the command alone. */
  close(): void {
    this.#socket.resume();
    this.#socket.close();
  }

  /** The same without waiting for the other side. */
  terminate(): void {
    this.#socket.terminate();
  }
}

function connected(socket: WebSocket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('open', resolve);
    socket.on('error', reject);
    socket.once('unexpected-response', (_, response: IncomingMessage) => {
      void refusalOf(response).then((refusal) => {
        reject(refusal);
        socket.terminate();
      });
    });
  });
}

/** What comes over one connection: the answer, then pieces, one after the other. */
class Incoming {
  readonly answer: Promise<TtyOpened>;
  readonly ended: Promise<string>;
  readonly #socket: WebSocket;
  readonly #listener: TtyListener;
  readonly #decoder = new TtyDecoder('server');
  /** Everything that has come, one after the other, from `begin` on. */
  #work: Promise<void>;
  #begin: () => void = () => {};
  #waiting = 0;
  #settle: { resolve: (opened: TtyOpened) => void; reject: (error: Error) => void } = { resolve: () => {}, reject: () => {} };

  constructor(socket: WebSocket, listener: TtyListener, silentMs: number) {
    this.#socket = socket;
    this.#listener = listener;
    this.#work = new Promise((resolve) => {
      this.#begin = resolve;
    });
    this.#watch(silentMs);
    this.answer = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    this.answer.catch(() => {});
    socket.on('message', (data: Buffer, binary: boolean) => {
      if (binary) this.#take(data);
      else this.#answered(data.toString());
    });
    this.ended = new Promise((resolve) => {
      socket.on('close', (code: number, reason: Buffer) => {
        const why = reason.length > 0 ? reason.toString() : code === 1006 ? 'the connection broke' : `closed with code ${code}`;
        this.#settle.reject(new ConnectionClosed(why));
        void this.#work.then(() => resolve(why));
      });
    });
  }

  begin(): void {
    this.#begin();
  }

  /** A network can go away without a word; the server's pings would have come. */
  #watch(silentMs: number): void {
    const socket = this.#socket;
    let timer: NodeJS.Timeout | undefined;
    const heard = () => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        // While we do not read, its silence says nothing.
        if (socket.isPaused) heard();
        else socket.terminate();
      }, silentMs);
      timer.unref();
    };
    for (const sign of ['upgrade', 'ping', 'message']) socket.on(sign, heard);
    socket.on('close', () => clearTimeout(timer));
  }

  #answered(text: string): void {
    let message: unknown;
    try {
      message = JSON.parse(text);
    } catch {
      return this.#socket.terminate();
    }
    const opened = ttyOpened.safeParse(message);
    if (opened.success) return this.#settle.resolve(opened.data);
    const error = typeof message === 'object' && message !== null && 'error' in message ? message.error : undefined;
    this.#settle.reject(new RpcError(error as ConstructorParameters<typeof RpcError>[0]));
  }

  #take(message: Buffer): void {
    this.#waiting += message.length;
    if (this.#waiting > FULL_BYTES) this.#socket.pause();
    this.#work = this.#work.then(async () => {
      try {
        for (const piece of this.#decoder.push(message)) {
          if (piece.stream === 'control') await this.#listener.news(piece.control as unknown as TtyNews);
          else if (piece.stream !== 'stdin')
            await this.#listener.output(piece.stream, Buffer.from(piece.bytes.buffer, piece.bytes.byteOffset, piece.bytes.length));
        }
      } catch {
        // What cannot be read is a connection that has to be made again.
        this.#socket.terminate();
      }
      this.#waiting -= message.length;
      if (this.#waiting < ROOM_BYTES) this.#socket.resume();
    });
  }
}
