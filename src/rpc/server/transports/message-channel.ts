/**
 * A message as it came in. `too_large`: one beyond the limit was thrown away, and the channel goes on. `end`: the peer
 * sends no more but may still read its answers.
 */
export type Inbound =
  | { readonly kind: 'text'; readonly bytes: Buffer }
  | { readonly kind: 'binary'; readonly bytes: Buffer }
  | { readonly kind: 'too_large'; readonly limit: number }
  | { readonly kind: 'end' };

/** What the peer is told when the server ends the channel. */
export type CloseReason = 'going_away' | 'done';

/**
 * One connection as the session sees it, whatever carries it: whole messages in order, both ways. Each listener is set
 * once, before the first message is read.
 */
export interface MessageChannelLike {
  /** True for a connection that carries responses and no notifications. */
  readonly answersOnly?: boolean;
  /** Sends one message. A string is text; a Buffer is the UTF-8 of a text. After the end it does nothing. */
  send(message: Buffer | string): void;
  /** Sends `head` and `body`, the UTF-8 of a text, as one message; it retains the body until it has left. */
  sendText(head: Buffer, body: Buffer): void;
  /** The same as one binary message. Absent where messages are text only. */
  sendBinary?(head: Buffer, body: Buffer): void;
  /** Bytes that were sent and have not left the process. */
  bufferedBytes(): number;
  /** Stops reading; the peer's messages wait in the network. */
  pause(): void;
  resume(): void;
  onMessage(listener: (message: Inbound) => void): void;
  /** Called when the buffer has fallen below the low-water mark after having been above it. */
  onDrain(listener: () => void): void;
  /** Called once, however the connection ended. */
  onClose(listener: () => void): void;
  close(reason: CloseReason): void;
}

/** Below so many buffered bytes a reader that was stopped is fed again (SPEC {#stream_backpressure}). */
export const LOW_WATER_BYTES = 256 * 1024;
