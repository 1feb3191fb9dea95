/**
 * What comes over a socket: text messages are kept until there is a listener, the greeting among them; binary ones are not, since they
 * have to be asked for; the end is passed to every listener, also to one that is added later.
 */
export class Inbox {
  #handler: ((message: string) => void) | undefined;
  #binaryHandler: (message: Uint8Array) => void = () => {};
  #early: string[] = [];
  #onClose: (reason: string) => void = () => {};
  #ended: string | undefined;

  /** Listens to text messages, those that came before included. */
  onMessage(handler: (message: string) => void): void {
    this.#handler = handler;
    for (const message of this.#early.splice(0)) handler(message);
  }

  /** Listens to binary messages. */
  onBinary(handler: (message: Uint8Array) => void): void {
    this.#binaryHandler = handler;
  }

  /** Told when it has ended, at once when that is so already. */
  onClose(handler: (reason: string) => void): void {
    this.#onClose = handler;
    if (this.#ended !== undefined) handler(this.#ended);
  }

  /** A text message has come. */
  protected took(message: string): void {
    if (this.#handler) this.#handler(message);
    else this.#early.push(message);
  }

  /** A binary message has come. */
  protected tookBinary(message: Uint8Array): void {
    this.#binaryHandler(message);
  }

  /** It has ended, and why, in words for people. */
  protected ended(reason: string): void {
    this.#ended = reason;
    this.#onClose(reason);
  }
}
