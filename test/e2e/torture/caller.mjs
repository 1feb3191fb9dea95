import { ConnectionLost, Link } from './wire.mjs';

/** A connection that comes back: each call goes out on the present one, made when there is none. */
export class Caller {
  #server;
  #options;
  #link;

  /** @param server - a ServerProcess  @param options - see Link.open */
  constructor(server, options) {
    this.#server = server;
    this.#options = options;
  }

  /** Rejects with ConnectionLost when the server went away before it answered. */
  async call(method, params, sent) {
    const link = await this.#connected();
    const answer = link.call(method, params);
    sent?.();
    return answer;
  }

  /** The same call again and again until it is answered; only for calls that may be repeated. */
  async untilAnswered(method, params, sent) {
    for (;;) {
      try {
        return await this.call(method, params, sent);
      } catch (error) {
        if (!(error instanceof ConnectionLost)) throw error;
      }
    }
  }

  close() {
    this.#link?.then((link) => link.vanish()).catch(() => {});
  }

  async #connected() {
    for (;;) {
      this.#link ??= this.#open();
      try {
        return await this.#link;
      } catch (error) {
        if (!(error instanceof ConnectionLost)) throw error;
        this.#link = undefined;
      }
    }
  }

  async #open() {
    const link = await this.#server.connect(this.#options);
    link.closed.then(() => (this.#link = undefined));
    return link;
  }
}

export { Link };
