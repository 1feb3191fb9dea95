import { once } from 'node:events';
import { connect } from 'node:net';
import WebSocket from 'ws';

const ANSWER_MS = 60_000;

/** The connection ended; whether the request was carried out is not known. */
export class ConnectionLost extends Error {}

/** An error that the server answered. */
export class Refused extends Error {
  constructor(method, { code, message, data }) {
    super(`${method}: ${message}`);
    this.code = code;
    this.kind = data?.name;
    this.data = data ?? {};
  }
}

/**
 * One connection, over a WebSocket or the unix socket, of nothing but the protocol: no code of Headgate's own, so that a
 * mistake there cannot hide itself here.
 */
export class Link {
  #carrier;
  #id = 0;
  #waiting = new Map();
  #over;
  /** Called with (method, params) of each notification. */
  onNotice = () => {};
  /** Called with each binary message. */
  onFrame = () => {};
  /** Resolves once the connection is gone. */
  closed = new Promise((resolve) => (this.#over = resolve));

  /** Connects and calls `init`. Rejects with ConnectionLost when the server cannot be reached. */
  static async open({ url, token, socket }, { transport, root, name, project = 'torture' }) {
    const link = new Link();
    link.#carrier = await (transport === 'unix' ? overUnix(socket, link) : overWebSocket(url, token, link));
    const { lastSeq } = await link.call('init', { name: project, projectRoot: root, client: { name } });
    link.lastSeq = lastSeq;
    return link;
  }

  /**
   * @param {(result: object) => void} [first] - told the result on the very tick in which it came, before anything that follows it
   */
  call(method, params = {}, first) {
    const id = ++this.#id;
    return new Promise((resolve, reject) => {
      if (!this.#waiting) return reject(new ConnectionLost(`${method}: no connection`));
      const late = setTimeout(() => reject(new Error(`${method} was not answered in ${ANSWER_MS / 1000} s`)), ANSWER_MS);
      this.#waiting.set(id, { method, resolve, reject, first, late });
      this.#carrier.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
    });
  }

  /** Reads nothing more until `resume`; what the server sends fills its own buffers. */
  stall() {
    this.#carrier.pause();
  }

  resume() {
    this.#carrier.resume();
  }

  /** Goes away without a word. */
  vanish() {
    this.#carrier.destroy();
    this.lost();
  }

  /** A text message came. */
  take(text) {
    if (!this.#waiting) return;
    const message = JSON.parse(text);
    if (message.method !== undefined) return this.onNotice(message.method, message.params);
    const waiting = this.#waiting.get(message.id);
    if (waiting === undefined) throw new Error(`an answer to nothing: ${String(text).slice(0, 200)}`);
    this.#waiting.delete(message.id);
    clearTimeout(waiting.late);
    if (message.error !== undefined) return waiting.reject(new Refused(waiting.method, message.error));
    waiting.first?.(message.result);
    waiting.resolve(message.result);
  }

  /** A binary message came. */
  takeFrame(frame) {
    if (this.#waiting) this.onFrame(frame);
  }

  /** The connection is gone. */
  lost() {
    const waiting = this.#waiting;
    if (!waiting) return;
    this.#waiting = undefined;
    for (const { method, reject, late } of waiting.values()) {
      clearTimeout(late);
      reject(new ConnectionLost(`${method}: the connection ended`));
    }
    this.#over();
  }
}

async function overWebSocket(url, token, link) {
  const socket = new WebSocket(url, { headers: { authorization: `Bearer ${token}` }, perMessageDeflate: false });
  socket.on('message', (data, binary) => (binary ? link.takeFrame(data) : link.take(data)));
  socket.on('close', () => link.lost());
  await once(socket, 'open').catch((error) => {
    throw new ConnectionLost(error.message);
  });
  socket.on('error', () => {});
  return {
    send: (text) => socket.send(text, () => {}),
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    destroy: () => socket.terminate(),
  };
}

async function overUnix(path, link) {
  const socket = connect(path);
  let parts = [];
  socket.on('data', (data) => {
    let from = 0;
    for (let end = data.indexOf(10); end >= 0; end = data.indexOf(10, from)) {
      parts.push(data.subarray(from, end));
      link.take(Buffer.concat(parts).toString());
      parts = [];
      from = end + 1;
    }
    parts.push(data.subarray(from));
  });
  socket.on('close', () => link.lost());
  await once(socket, 'connect').catch((error) => {
    throw new ConnectionLost(error.message);
  });
  socket.on('error', () => {});
  return {
    send: (text) => socket.write(`${text}\n`),
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    destroy: () => socket.destroy(),
  };
}
