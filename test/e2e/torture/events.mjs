import { createHash } from 'node:crypto';
import { misbehave } from './misbehave.mjs';
import { ConnectionLost } from './wire.mjs';

/** A client that must see every durable event once and in order, whatever happens to the server and to itself. */
export class EventReader {
  #server;
  #options;
  #random;
  #violate;
  #totals;
  #link;
  #hash = createHash('sha256');
  #stopping = false;
  #calm = false;
  #running;
  /** Sequence number of the last event seen. */
  last = 0;

  constructor({ server, root, name, transport, random, violate, totals }) {
    this.#server = server;
    this.#options = { root, transport, name };
    this.#random = random;
    this.#violate = violate;
    this.#totals = totals;
  }

  get name() {
    return this.#options.name;
  }

  start() {
    this.#running = this.#stayConnected();
    void misbehave({
      random: this.#random,
      totals: this.#totals,
      linkOf: () => this.#link,
      isOver: () => this.#stopping || this.#calm,
      pauseMs: [300, 3000],
      stallChance: 0.5,
      stallMs: 2000,
    });
  }

  /** From now on it neither stalls nor vanishes. */
  calm() {
    this.#calm = true;
  }

  async stop() {
    this.#stopping = true;
    this.#link?.vanish();
    await this.#running;
  }

  /** A digest of number and kind of every event seen, as `eventDigest` makes it of the stored ones. */
  digest() {
    return this.#hash.copy().digest('hex');
  }

  async #stayConnected() {
    while (!this.#stopping) {
      try {
        const link = await this.#server.connect(this.#options);
        if (this.#stopping) return link.vanish();
        this.#totals.connects++;
        await this.#begin(link);
        this.#link = link;
        await link.closed;
        this.#link = undefined;
      } catch (error) {
        if (!(error instanceof ConnectionLost)) this.#violate({ client: this.name, message: error.stack });
      }
    }
  }

  #begin(link) {
    let mine;
    link.onNotice = (method, params) => {
      if (params.seq === undefined || method === 'replay/synced') return;
      // Until the answer the connection has no subscription, and gets what is new without a number of one.
      if (mine !== undefined && params.subscription === mine) this.#event(method, params);
    };
    return link.call('subscribe', { since: this.last }, ({ subscription }) => (mine = subscription));
  }

  #event(method, { seq }) {
    if (seq !== this.last + 1) this.#violate({ client: this.name, message: `event ${seq} (${method}) came after ${this.last}` });
    this.last = seq;
    this.#hash.update(`${seq} ${method}\n`);
    this.#totals.events++;
  }
}

/** The digest of the stored events that a reader of all of them must have. */
export function eventDigest(events) {
  const hash = createHash('sha256');
  for (const { seq, type } of events) hash.update(`${seq} ${type}\n`);
  return hash.digest('hex');
}
