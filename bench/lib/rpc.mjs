/** The calls of a JSON-RPC connection: sends, and pairs each response with its request. */
export class Rpc {
  #send;
  #id = 0;
  #waiting = new Map();
  /** Notification -> what to do with its params. */
  listeners = new Map();

  /** @param send - takes a message as an object */
  constructor(send) {
    this.#send = send;
  }

  call(method, params = {}) {
    return new Promise((resolve, reject) => {
      this.#waiting.set(++this.#id, { resolve, reject });
      this.#send({ jsonrpc: '2.0', id: this.#id, method, params });
    });
  }

  /** Takes a message that has arrived. */
  take(message) {
    if (message.method !== undefined) return this.listeners.get(message.method)?.(message.params);
    const { resolve, reject } = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    const { result, error } = message;
    if (error === undefined) resolve(result);
    else reject(Object.assign(new Error(`${error.data?.name ?? error.code}: ${error.message}`), { code: error.code }));
  }

  /** Rejects what is still waiting. */
  fail(reason) {
    for (const { reject } of this.#waiting.values()) reject(new Error(reason));
    this.#waiting.clear();
  }
}
