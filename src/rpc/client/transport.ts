/**
 * What carries the client's messages: whole messages in order. The listeners are set once; what comes before
 * them is kept for them.
 */
export interface Transport {
  /** Sends one message. After the end it does nothing. */
  send(message: string): void;
  onMessage(handler: (message: string) => void): void;
  /** Binary messages, in order with the others. Undefined if the transport has no binary messages: output then comes as JSON. */
  onBinary?(handler: (message: Uint8Array) => void): void;
  /** Called once; `reason` in words, for people. */
  onClose(handler: (reason: string) => void): void;
  close(): void;
}
