import { ListeningChannel } from './listening-channel.ts';
import type { CloseReason, Inbound, MessageChannelLike } from './message-channel.ts';

/** The client's end of an in-memory channel. It takes messages one by one, so a test decides how slow it is. */
export class MemoryPeer {
  readonly #server: MemoryChannel;

  constructor(server: MemoryChannel) {
    this.#server = server;
  }

  /** Hands the server a message; a string or plain value as text. */
  send(message: string | Buffer | object): void {
    const bytes = Buffer.isBuffer(message) ? message : Buffer.from(typeof message === 'string' ? message : JSON.stringify(message));
    this.#server.receive({ kind: 'text', bytes });
  }

  /** Hands the server something that is no text. */
  sendRaw(message: Inbound): void {
    this.#server.receive(message);
  }

  /** The next message of the server, waiting for it; undefined after the end. */
  read(): Promise<string | undefined> {
    return this.#server.take();
  }

  /** Bytes that wait to be read. */
  waitingBytes(): number {
    return this.#server.bufferedBytes();
  }

  /** The client goes away. */
  close(): void {
    this.#server.end();
  }
}

/** A connection without a network: the server's end. */
class MemoryChannel extends ListeningChannel implements MessageChannelLike {
  #outbox: Buffer[] = [];
  #bytes = 0;
  #open = true;
  #paused = false;
  #inbox: Inbound[] = [];
  #waiting: ((message: string | undefined) => void)[] = [];

  send(message: Buffer | string): void {
    if (!this.#open) return;
    const bytes = Buffer.from(message as string);
    const waiting = this.#waiting.shift();
    if (waiting) return waiting(bytes.toString());
    this.#outbox.push(bytes);
    this.#bytes += bytes.length;
    this.buffered();
  }

  take(): Promise<string | undefined> {
    const next = this.#outbox.shift();
    if (!next) return this.#open ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve(undefined);
    this.#bytes -= next.length;
    queueMicrotask(() => this.written());
    return Promise.resolve(next.toString());
  }

  receive(message: Inbound): void {
    if (this.#paused) this.#inbox.push(message);
    else if (this.#open) this.received(message);
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    for (let next = this.#inbox.shift(); next; next = this.#inbox.shift()) this.receive(next);
  }

  bufferedBytes(): number {
    return this.#bytes;
  }

  close(_reason: CloseReason): void {
    this.end();
  }

  end(): void {
    if (!this.#open) return;
    this.#open = false;
    for (const waiting of this.#waiting) waiting(undefined);
    this.#waiting = [];
    this.ended();
  }
}

/** An in-memory connection: give `channel` to a server, drive `peer` as its client. */
export function memoryPair(): { channel: MessageChannelLike; peer: MemoryPeer } {
  const channel = new MemoryChannel();
  return { channel, peer: new MemoryPeer(channel) };
}
