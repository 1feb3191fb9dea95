import { Frames } from './frames.mjs';
import { misbehave } from './misbehave.mjs';
import { producerOf } from './producers.mjs';
import { ConnectionLost } from './wire.mjs';

/**
 * A client that reads and checks each byte as it comes. It has a cursor for each channel, on which exactly one subscription
 * at a time may deliver; it stalls, vanishes and comes back at its cursors.
 *
 * Modes: `path` subscribes to some producers one by one, from the start, or to a channel from an offset; `pattern` to all
 * of a run; `live` to all of a run from wherever they are, where a gap that is told is no loss.
 */
export class Reader {
  #server;
  #options;
  #random;
  #violate;
  #totals;
  #producer;
  #link;
  #frames;
  /** Path -> channel -> cursor; a cursor: {next, owner, ended}. */
  #cursors = new Map();
  /** Producers whose path came while there was no connection, or that wait for a subscription. */
  #wanted = new Set();
  #subscriptions = new Map();
  #stopping = false;
  #calm = false;
  #running;

  /** @param producer - answers a producer by its number; a client may hear of one before whoever started it does */
  constructor({ server, root, name, transport, carriage, mode, run, random, producer, violate, totals }) {
    this.#server = server;
    this.#options = { root, transport, name, carriage, mode, run };
    this.#random = random;
    this.#producer = producer;
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
      pauseMs: [200, 2500],
      stallChance: 0.6,
      stallMs: 3000,
    });
  }

  /** A producer has a path now. */
  known(producer) {
    const { mode } = this.#options;
    if (mode !== 'path' || !producer.random.fork(this.name).chance(0.5)) return;
    this.#wanted.add(`${producer.path} ${producer.run}`);
    if (this.#link) this.#open(this.#link, producer.run, producer.path).catch((error) => this.#unlessLost(error));
  }

  /** What this client asked for and has not got: `{path, channel, next}`. */
  pending(producers) {
    const { mode, run } = this.#options;
    const asked = producers.filter((one) => one.path && (mode === 'path' ? this.#wanted.has(`${one.path} ${one.run}`) : one.run === run));
    return asked.flatMap(({ id, run: alias, path }) =>
      [1, 2].flatMap((channel) => {
        const cursor = this.#cursors.get(`${alias} ${path}`)?.[channel];
        return cursor?.ended ? [] : [{ id, channel, next: cursor?.next ?? 0 }];
      }),
    );
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

  async #stayConnected() {
    while (!this.#stopping) {
      try {
        const link = await this.#server.connect(this.#options);
        if (this.#stopping) return link.vanish();
        this.#totals.connects++;
        await this.#begin(link).catch((error) => this.#unlessLost(error));
        await link.closed;
        this.#link = undefined;
      } catch (error) {
        this.#unlessLost(error);
      }
    }
  }

  async #begin(link) {
    this.#subscriptions = new Map();
    this.#frames = new Frames((piece) => this.#piece(piece));
    for (const cursors of this.#cursors.values()) for (const cursor of Object.values(cursors)) cursor.owner = undefined;
    link.onNotice = (method, params) => this.#notice(method, params);
    link.onFrame = (frame) => {
      this.#totals.frames++;
      this.#frames.take(frame, (message) => this.#wrong({ message }));
    };
    this.#link = link;
    const { mode, run } = this.#options;
    if (mode === 'path') {
      for (const each of [...this.#wanted]) {
        const [path, alias] = each.split(' ');
        await this.#open(link, alias, path);
      }
    } else await this.#openPattern(link, run, mode === 'live' || this.#cursors.size > 0 ? 'live' : 'start');
  }

  /** Subscribes to one producer: as a whole when it is new, else to each channel at its cursor. */
  async #open(link, run, path) {
    const cursors = this.#cursors.get(`${run} ${path}`);
    if (cursors) {
      for (const [channel, cursor] of Object.entries(cursors)) {
        if (!cursor.ended && cursor.owner === undefined) await this.#openChannel(link, run, path, Number(channel), cursor.next);
      }
      return;
    }
    if (this.#random.chance(0.3)) {
      // From an offset that is stored by now: a part of the output, from there to its end.
      const { subscription, channels } = await this.#subscribe(link, { run, path, from: 'live' }, () => ({ echo: true, live: true }));
      await link.call('stream/unsubscribe', { subscription });
      for (const { channel, offset } of channels) this.#cursor(run, path, channel).next = this.#random.int(0, offset);
      if (channels.length > 0) return this.#open(link, run, path);
    }
    await this.#subscribe(link, { run, path, from: 'start' }, () => ({ adopts: () => true }));
  }

  #openChannel(link, run, path, channel, from) {
    return this.#subscribe(link, { run, path, channel, from }, (subscription) => {
      this.#cursor(run, path, channel).owner = subscription;
      return { adopts: () => false };
    });
  }

  /** A pattern takes in later producers; those that were there before are read on one by one, unless this is a live reader. */
  async #openPattern(link, run, from) {
    const { mode } = this.#options;
    const before = new Set();
    const { channels } = await this.#subscribe(link, { run, pattern: 'log://**', from }, (subscription, answer) => {
      for (const { channel, path, offset } of answer) {
        const log = logPath(path);
        before.add(log);
        if (mode !== 'live') continue;
        const cursor = this.#cursor(run, log, channel);
        if (!cursor.ended) Object.assign(cursor, { next: offset, owner: subscription });
      }
      return { adopts: (path) => from === 'start' || !before.has(path), live: from === 'live' };
    });
    if (from === 'start' || mode === 'live') return;
    for (const { channel, path } of channels) {
      const cursor = this.#cursor(run, logPath(path), channel);
      if (!cursor.ended) await this.#openChannel(link, run, logPath(path), channel, cursor.next);
    }
  }

  /** @param note - makes what is to be remembered of the subscription, on the tick of the answer */
  #subscribe(link, params, note) {
    const raw = this.#options.carriage === 'raw' ? { carriage: 'raw' } : {};
    return link.call('stream/subscribe', { ...params, ...raw }, ({ subscription, channels }) => {
      this.#subscriptions.set(subscription, note(subscription, channels));
      this.#frames.opened(subscription, params, channels, logPath);
      this.#totals.subscriptions++;
    });
  }

  /** A cursor at the beginning when there is none yet; both channels get theirs at once, so that neither is forgotten. */
  #cursor(run, path, channel) {
    const key = `${run} ${path}`;
    if (!this.#cursors.has(key)) {
      const fresh = () => ({ next: 0, owner: undefined, ended: false });
      this.#cursors.set(key, { 1: fresh(), 2: fresh() });
    }
    return this.#cursors.get(key)[channel];
  }

  #notice(method, params) {
    if (method === 'stream/chunk') {
      const { chunk, encoding } = params;
      this.#piece({ ...params, bytes: Buffer.from(chunk, encoding) });
    } else if (method === 'stream/opened') this.#frames.joined(params);
    else if (method === 'stream/gap') this.#gap(params);
    else if (method === 'stream/ended' && params.subscription !== undefined) this.#ended(params);
  }

  #piece({ subscription, run, path, channel, offset, bytes }) {
    const known = this.#subscriptions.get(subscription);
    const producer = this.#producer(producerOf(path));
    const where = { producer, channel, offset };
    if (known === undefined) return this.#wrong({ ...where, message: `a chunk of subscription ${subscription}, which is none` });
    if (producer === undefined) return this.#wrong({ ...where, message: `a chunk of ${path}, which nobody started` });
    const wrong = producer.contents[channel - 1].firstDifference(offset, bytes);
    if (wrong >= 0)
      return this.#wrong({ ...where, offset: wrong, message: `a wrong byte in the chunk at ${offset} of ${bytes.length} bytes` });
    this.#totals.received += bytes.length;
    if (known.echo) return;
    const cursor = this.#cursors.get(`${run} ${path}`)?.[channel] ?? (known.adopts(path) ? this.#cursor(run, path, channel) : undefined);
    if (cursor === undefined) return;
    if (known.adopts(path)) cursor.owner ??= subscription;
    if (cursor.owner !== subscription) return;
    if (offset !== cursor.next || cursor.ended)
      return this.#wrong({
        ...where,
        message: `the cursor is at ${cursor.next}${cursor.ended ? ', the end' : ''}, the chunk at ${offset}`,
      });
    cursor.next = offset + bytes.length;
  }

  #gap({ subscription, run, path, channel, from, to }) {
    const known = this.#subscriptions.get(subscription);
    if (!known?.live)
      return this.#wrong({
        producer: this.#producer(producerOf(path)),
        channel,
        offset: from,
        message: 'a gap on a subscription that is not live',
      });
    this.#totals.gaps++;
    const cursor = this.#cursors.get(`${run} ${path}`)?.[channel];
    if (cursor?.owner !== subscription) return;
    if (from !== cursor.next)
      this.#wrong({ producer: this.#producer(producerOf(path)), channel, offset: from, message: `a gap from ${from} at ${cursor.next}` });
    if (this.#options.mode === 'live') {
      cursor.next = to;
      return;
    }
    // It wants every byte: what the live subscription leaves out is read on by one that may not.
    cursor.owner = 'another';
    this.#openChannel(this.#link, run, path, channel, cursor.next).catch((error) => this.#unlessLost(error));
  }

  #ended({ subscription, run, path, channels }) {
    const known = this.#subscriptions.get(subscription);
    if (known === undefined || known.echo) return;
    const producer = this.#producer(producerOf(path));
    for (const { channel, bytes } of channels) {
      const cursor = known.adopts(path) ? this.#cursor(run, path, channel) : this.#cursors.get(`${run} ${path}`)?.[channel];
      if (cursor === undefined) continue;
      if (known.adopts(path)) cursor.owner ??= subscription;
      if (cursor.owner !== subscription) continue;
      if (cursor.ended) this.#wrong({ producer, channel, offset: cursor.next, message: 'the end was told twice' });
      if (cursor.next !== bytes) this.#wrong({ producer, channel, offset: cursor.next, message: `the end was told at ${bytes} bytes` });
      cursor.ended = true;
    }
  }

  #unlessLost(error) {
    if (!(error instanceof ConnectionLost)) this.#wrong({ message: error.stack });
  }

  #wrong(violation) {
    this.#violate({ client: this.name, ...violation });
  }
}

/** `sh://turn_0/slug_1` belongs to `log://turn_0/sh/slug`. */
function logPath(channelPath) {
  const [, scheme, turn, slug] = /^(\w+):\/\/([^/]+)\/(.+)_\d+$/.exec(channelPath);
  return `log://${turn}/${scheme}/${slug}`;
}
