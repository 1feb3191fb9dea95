import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import { ListeningChannel } from './listening-channel.ts';
import type { CloseReason, MessageChannelLike } from './message-channel.ts';

/** Between two looks at whether the peer is there. */
const PING_MS = 15_000;
/** Looks without a sign of life after which the connection is ended. */
const MISSES = 2;
/** How long the peer may take to answer the closing handshake. */
const CLOSE_MS = 1000;

/** A WebSocket connection, one JSON message a text message (SPEC {#transport_ws}). */
export class WebSocketChannel extends ListeningChannel implements MessageChannelLike {
  readonly #socket: WebSocket;
  readonly #tcp: Socket;
  #closing: NodeJS.Timeout | undefined;

  /**
   * @param tcp - the connection under it: bytes that move there, either way, are a sign of life
   * @param pingMs - between two pings
   */
  constructor(socket: WebSocket, tcp: Socket, pingMs: number = PING_MS) {
    super();
    this.#socket = socket;
    this.#tcp = tcp;
    socket.on('message', (data: Buffer, binary: boolean) => {
      this.received({ kind: binary ? 'binary' : 'text', bytes: data });
    });
    // A message that is too large or not UTF-8 comes as an error; ws itself then closes with 1009 or 1007.
    socket.on('error', () => {});
    const heart = this.#heartbeat(pingMs);
    socket.on('close', () => {
      clearInterval(heart);
      clearTimeout(this.#closing);
      this.ended();
    });
  }

  send(message: Buffer | string): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    this.#socket.send(message, { binary: false }, () => this.written());
    this.buffered();
  }

  bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  close(reason: CloseReason): void {
    if (this.#closing) return;
    this.#closing = setTimeout(() => this.#socket.terminate(), CLOSE_MS);
    this.#closing.unref();
    // A paused socket would never see the peer's half of the closing handshake.
    this.#socket.resume();
    if (reason === 'going_away') this.#socket.close(1001, 'the server is stopping');
    else this.#socket.close(1000);
  }

  /**
   * Ends a connection whose peer shows no sign of life for two intervals. It lives when bytes came in (a pong at the
   * least), or when a full network buffer took more: only an acknowledgement makes room there, so a slow reader that
   * has a megabyte before the ping is not taken for a dead one.
   */
  #heartbeat(pingMs: number): NodeJS.Timeout {
    const tcp = this.#tcp;
    let misses = 0;
    let seen = { read: -1, flushed: -1, backedUp: false };
    const heart = setInterval(() => {
      const now = { read: tcp.bytesRead, flushed: tcp.bytesWritten - tcp.writableLength, backedUp: tcp.writableLength > 0 };
      const lives = now.read !== seen.read || (seen.backedUp && now.flushed !== seen.flushed);
      seen = now;
      misses = lives ? 0 : misses + 1;
      if (misses >= MISSES) this.#socket.terminate();
      else if (this.#socket.readyState === this.#socket.OPEN) this.#socket.ping();
    }, pingMs);
    heart.unref();
    return heart;
  }
}
