import { once } from 'node:events';
import WebSocket from 'ws';
import { Rpc } from './rpc.mjs';

/** Handle (u32), channel (u8) and offset (u64), big-endian, in front of the bytes of a binary message (carriage `raw`). */
const HEAD_BYTES = 13;

/** The parts of a binary message; the bytes are not copied. */
export function binaryChunk(message) {
  return {
    handle: message.readUInt32BE(0),
    channel: message.readUInt8(4),
    offset: Number(message.readBigUInt64BE(5)),
    bytes: message.subarray(HEAD_BYTES),
  };
}

/** A client of Headgate on nothing but `ws`: calls and listeners. */
export class Wire extends Rpc {
  #socket;
  /** What to do with a binary message. */
  onBinary = () => {};

  constructor(socket) {
    super((message) => socket.send(JSON.stringify(message)));
    this.#socket = socket;
    socket.on('message', (data, isBinary) => (isBinary ? this.onBinary(binaryChunk(data)) : this.take(JSON.parse(data))));
    socket.on('error', () => {}); // Followed by `close`, which is what callers are told.
    socket.on('close', () => this.fail('the server closed the connection'));
  }

  static async connect({ url, token, root }) {
    const socket = new WebSocket(url, { headers: { authorization: `Bearer ${token}` }, perMessageDeflate: false });
    const wire = new Wire(socket);
    await once(socket, 'open');
    await wire.call('init', { name: 'bench', projectRoot: root, client: { name: 'bench' } });
    return wire;
  }

  /** Proposes a command and subscribes to it, so that only the acceptance is left. */
  async propose(run, command, place) {
    const { path } = await this.call('sh', { run, command, ...place });
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

  /** The params of the `stream/ended` that a subscription of this connection delivers for that path, after its last chunk. */
  ended(path) {
    return new Promise((resolve) => {
      this.listeners.set('stream/ended', (params) => {
        if (params.path === path && params.subscription !== undefined) resolve(params);
      });
    });
  }

  async close() {
    if (this.#socket.readyState === WebSocket.CLOSED) return;
    this.#socket.close();
    await once(this.#socket, 'close');
  }
}
