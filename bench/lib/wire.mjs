import { once } from 'node:events';
import WebSocket from 'ws';

/** A client of Headgate on nothing but `ws`: calls and listeners. */
export class Wire {
  #socket;
  #id = 0;
  #waiting = new Map();
  /** Notification -> what to do with its params. */
  listeners = new Map();

  constructor(socket) {
    this.#socket = socket;
    socket.on('message', (data) => {
      const message = JSON.parse(data);
      if (message.method !== undefined) return this.listeners.get(message.method)?.(message.params);
      const { resolve, reject } = this.#waiting.get(message.id);
      this.#waiting.delete(message.id);
      if (message.error === undefined) resolve(message.result);
      else reject(new Error(`${message.error.data?.name ?? message.error.code}: ${message.error.message}`));
    });
    socket.on('close', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('the server closed the connection'));
    });
  }

  static async connect({ url, token, root }) {
    const socket = new WebSocket(url, { headers: { authorization: `Bearer ${token}` }, perMessageDeflate: false });
    const wire = new Wire(socket);
    await once(socket, 'open');
    await wire.call('init', { name: 'bench', projectRoot: root, client: { name: 'bench' } });
    return wire;
  }

  call(method, params = {}) {
    return new Promise((resolve, reject) => {
      this.#waiting.set(++this.#id, { resolve, reject });
      this.#socket.send(JSON.stringify({ jsonrpc: '2.0', id: this.#id, method, params }));
    });
  }

  /** Proposes a command and subscribes to it, so that only the acceptance is left. */
  async propose(run, command) {
    const { path } = await this.call('sh', { run, command });
    await this.call('stream/subscribe', { run, path, from: 'start' });
    return path;
  }

  accept(run, path) {
    return this.call('run/resolve', { run, resolution: { path, action: 'accept' } });
  }

  /** The params of the next notification of that method. */
  next(method) {
    return new Promise((resolve) => this.listeners.set(method, resolve));
  }

  async close() {
    this.#socket.close();
    await once(this.#socket, 'close');
  }
}
