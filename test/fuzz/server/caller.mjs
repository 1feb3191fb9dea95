import { once } from 'node:events';
import WebSocket from 'ws';

const ANSWER_MS = 20_000;
/** How long a call that waits on purpose is left to. */
const WAIT_MS = 1000;

/** A connection with a token of one scope, on which every call has to be answered. */
export class Caller {
  #target;
  #scope;
  #socket;
  #waiting = new Map();
  #id = 0;

  constructor(target, scope) {
    this.#target = target;
    this.#scope = scope;
  }

  get open() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  async connect() {
    const { address, tokens } = this.#target;
    this.#socket = new WebSocket(address.url, { headers: { authorization: `Bearer ${tokens[this.#scope]}` } });
    this.#socket.on('message', (data, binary) => binary || this.#heard(data.toString()));
    this.#socket.on('error', () => {});
    this.#socket.on('close', () => {
      for (const { settle } of this.#waiting.values()) settle();
    });
    await once(this.#socket, 'open');
  }

  close() {
    this.#socket?.terminate();
  }

  /**
   * Sends a call as `toText` writes it. Returns its response; undefined when the connection ended. One that waits, or is not answered in time, is
   * cancelled.
   */
  async send(method, params, toText = JSON.stringify) {
    const id = ++this.#id;
    const text = toText({ jsonrpc: '2.0', id, method, params });
    const answered = new Promise((settle) => this.#waiting.set(id, { text, settle }));
    this.#socket.send(text);
    const waits = params?.wait === true;
    const timer = setTimeout(() => this.#late(id, waits), waits ? WAIT_MS : ANSWER_MS);
    const response = await answered;
    clearTimeout(timer);
    this.#waiting.delete(id);
    return response;
  }

  #late(id, waits) {
    const call = this.#waiting.get(id);
    if (!call || !this.open) return;
    const sent = call.text.slice(0, 1000);
    if (!waits) this.#target.found('a call is not answered', { sent });
    this.#socket.send(JSON.stringify({ jsonrpc: '2.0', method: '$/cancelRequest', params: { id } }));
    const end = () => {
      if (!this.#waiting.has(id)) return;
      this.#target.found('a call that was cancelled is not answered', { sent });
      call.settle();
    };
    setTimeout(end, ANSWER_MS).unref();
  }

  #heard(text) {
    const messages = this.#target.heard(text, (all) => this.#waiting.get(all[0]?.id)?.text);
    for (const message of messages) if (message?.method === undefined) this.#waiting.get(message?.id)?.settle(message);
  }
}
