import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import { PING_MS, watchPeer } from './heartbeat.ts';
import { ListeningChannel } from './listening-channel.ts';
import type { CloseReason, MessageChannelLike } from './message-channel.ts';

/** How long the peer may take to answer the closing handshake. */
const CLOSE_MS = 1000;

/** A WebSocket connection, one JSON message a text message (SPEC {#transport_ws}). */
export class WebSocketChannel extends ListeningChannel implements MessageChannelLike {
  readonly #socket: WebSocket;
  #closing: NodeJS.Timeout | undefined;

  /**
   * @param tcp - the connection under it: bytes that move there, either way, are a sign of life
   * @param pingMs - between two pings
   */
  constructor(socket: WebSocket, tcp: Socket, pingMs: number = PING_MS) {
    super();
    this.#socket = socket;
    socket.on('message', (data: Buffer, binary: boolean) => {
      this.received(binary ? { kind: 'binary' } : { kind: 'text', bytes: data });
    });
    // A message that is too large or not UTF-8 comes as an error; ws itself then closes with 1009 or 1007.
    socket.on('error', () => {});
    const stopWatching = watchPeer(tcp, {
      everyMs: pingMs,
      answers: true,
      beat: () => socket.readyState === socket.OPEN && socket.ping(),
      dead: () => socket.terminate(),
    });
    socket.on('close', () => {
      stopWatching();
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
}
