import { once } from 'node:events';
import { connect, createServer } from 'node:net';

/** A TCP relay on loopback with an address that stays while servers come and go; its connections can be cut. */
export class Relay {
  #target;
  #server;
  #open = new Set();

  /** @param target - answers the port to connect to, or undefined while there is none */
  constructor(target) {
    this.#target = target;
  }

  /** Listens on a free port and returns it. */
  async listen() {
    this.#server = createServer((near) => {
      const port = this.#target();
      if (port === undefined) return near.destroy();
      const far = connect(port, '127.0.0.1');
      for (const [from, to] of [
        [near, far],
        [far, near],
      ]) {
        this.#open.add(from);
        from.pipe(to);
        from.on('error', () => {});
        from.on('close', () => {
          this.#open.delete(from);
          to.destroy();
        });
      }
    });
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return this.#server.address().port;
  }

  /** Ends every connection that it carries; both ends live on. */
  cut() {
    for (const socket of this.#open) socket.destroy();
  }

  async close() {
    if (!this.#server) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.cut();
    await closed;
  }
}
