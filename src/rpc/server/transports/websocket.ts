import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import { release, retain } from '../../../core/buffer-pool.ts';
import { PING_MS, watchPeer } from './heartbeat.ts';
import { ListeningChannel } from './listening-channel.ts';
import type { CloseReason, MessageChannelLike } from './message-channel.ts';

/** How long the peer may take to complete the closing handshake. */
const CLOSE_MS = 1000;
/** FIN with opcode 1 and opcode 2. */
const FINAL_TEXT = 0x81;
const FINAL_BINARY = 0x82;
/** Messages up to this size are copied behind their head: one buffer to write instead of two. */
const JOIN_BYTES = 4096;
const NOTHING = Buffer.alloc(0);

/** A WebSocket connection: one JSON message a text message, raw chunks in binary ones (SPEC {#transport_ws}, {#raw_carriage}). */
export class WebSocketChannel extends ListeningChannel implements MessageChannelLike {
  readonly #socket: WebSocket;
  readonly #tcp: Socket;
  readonly #flushed = () => this.written();
  #closing: NodeJS.Timeout | undefined;
  #finishing = false;
  /** The reader stopped it: then nothing is heard of the peer, and its silence says nothing. */
  #paused = false;

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
    const stopWatching = watchPeer(tcp, {
      everyMs: pingMs,
      answers: () => !this.#paused,
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
    this.#write(FINAL_TEXT, NOTHING, typeof message === 'string' ? Buffer.from(message) : message);
  }

  override sendText(head: Buffer, body: Buffer): void {
    this.#write(FINAL_TEXT, head, body);
  }

  sendBinary(head: Buffer, body: Buffer): void {
    this.#write(FINAL_BINARY, head, body);
  }

  bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  pause(): void {
    this.#paused = true;
    this.#socket.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#socket.resume();
  }

  /** Sends no more, and closes once everything has left the process: a peer that reads slowly gets it all. */
  finish(code: number, reason: string): void {
    if (this.#closing || this.#finishing) return;
    this.#finishing = true;
    this.resume();
    this.#tcp.write('', () => this.#socket.close(code, reason));
  }

  close(reason: CloseReason): void {
    if (this.#closing) return;
    this.#closing = setTimeout(() => this.#socket.terminate(), CLOSE_MS);
    this.#closing.unref();
    // A paused socket would never see the peer's half of the closing handshake.
    this.resume();
    if (reason === 'going_away') this.#socket.close(1001, 'the server is stopping');
    else this.#socket.close(1000);
  }

  /**
   * One final, unmasked frame (RFC 6455, section 5.2), written beside `ws` and not through it: `ws` takes one buffer, and
   * joining head and body would copy every byte of output. Without compression `ws` writes each of its own frames, pings
   * and the closing handshake, at once, so frames never mix.
   */
  #write(first: number, head: Buffer, body: Buffer): void {
    if (this.#socket.readyState !== this.#socket.OPEN || this.#finishing) return;
    const tcp = this.#tcp;
    const front = [frameHead(first, head.length + body.length), head];
    if (body.length <= JOIN_BYTES) {
      tcp.write(Buffer.concat([...front, body]), this.#flushed);
    } else {
      retain(body);
      tcp.cork();
      tcp.write(Buffer.concat(front));
      tcp.write(body, () => {
        release(body);
        this.written();
      });
      tcp.uncork();
    }
    this.buffered();
  }
}

/** Head of an unmasked frame of so many bytes. */
function frameHead(first: number, bytes: number): Buffer {
  if (bytes < 126) return Buffer.from([first, bytes]);
  if (bytes < 0x10000) return Buffer.from([first, 126, bytes >> 8, bytes & 0xff]);
  const head = Buffer.from([first, 127, 0, 0, 0, 0, 0, 0, 0, 0]);
  head.writeUInt32BE(bytes, 6);
  return head;
}
