/**
 * What carries the client's messages. Whole messages in order; the listeners are set once, right after the transport
 * is open and before it delivers anything.
 */
export interface Transport {
  /** Sends one message. After the end it does nothing. */
  send(message: string): void;
  onMessage(handler: (message: string) => void): void;
  /** Called once; `reason` in words, for people. */
  onClose(handler: (reason: string) => void): void;
  close(): void;
}
