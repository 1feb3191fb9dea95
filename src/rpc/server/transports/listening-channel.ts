import { type Inbound, LOW_WATER_BYTES } from './message-channel.ts';

/** What every connection has, whatever carries it: its three listeners, and when the buffer counts as drained. */
export abstract class ListeningChannel {
  #message: (message: Inbound) => void = () => {};
  #drain: () => void = () => {};
  #close: () => void = () => {};
  #above = false;

  /** Bytes that were sent and have not left the process. */
  abstract bufferedBytes(): number;

  /** Sends one text message. */
  abstract send(message: Buffer | string): void;

  /** Joins the two; who can write them one after the other does better. */
  sendText(head: Buffer, body: Buffer): void {
    this.send(Buffer.concat([head, body]));
  }

  onMessage(listener: (message: Inbound) => void): void {
    this.#message = listener;
  }

  onDrain(listener: () => void): void {
    this.#drain = listener;
  }

  onClose(listener: () => void): void {
    this.#close = listener;
  }

  /** A message came in. */
  protected received(message: Inbound): void {
    this.#message(message);
  }

  /** Something was sent: notes whether the buffer has passed the low-water mark. */
  protected buffered(): void {
    if (this.bufferedBytes() > LOW_WATER_BYTES) this.#above = true;
  }

  /** Something has left: tells it once when the buffer has fallen below the mark again. */
  protected written(): void {
    if (!this.#above || this.bufferedBytes() > LOW_WATER_BYTES) return;
    this.#above = false;
    this.#drain();
  }

  /** The connection has ended; to be called once. */
  protected ended(): void {
    this.#close();
  }
}
