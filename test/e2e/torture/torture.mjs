import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Caller } from './caller.mjs';
import { EventReader } from './events.mjs';
import { Faults, planKill } from './faults.mjs';
import { Launcher } from './launcher.mjs';
import { planProducer } from './producers.mjs';
import { Random } from './random.mjs';
import { Reader } from './reader.mjs';
import { Relay } from './relay.mjs';
import { hasRunner, RunnerProcess, ServerProcess } from './server.mjs';
import { carriers, survivors, verifyDatabase, verifyStored } from './verify.mjs';
import { Refused } from './wire.mjs';

const RUNS = ['one', 'two', 'three'];
const RUNNER = 'remote';
/** Beyond the asked time, for what is under way to end and to be compared. */
const GRACE_MS = 90_000;
const EVENT_READERS = ['ws', 'unix'];

/** Thrown where the first violation, or an interrupt, ends the work: what would come after is mostly its consequence. */
class Ended extends Error {}

/** How readers connect and take chunks; five, so that in time each meets each of the three modes. */
const WAYS = [
  ['ws', 'raw'],
  ['unix', 'json'],
  ['ws', 'json'],
  ['ws', 'raw'],
  ['unix', 'json'],
];

/**
 * One torture of a real server on the folder `base`: rounds of producers, clients and kills, then a comparison of all that
 * is stored and was received with what it must be. Every decision comes from `seed`.
 */
export class Torture {
  #options;
  #random;
  #violations = [];
  #round = 0;
  #producers = new Map();
  #conducts = [];
  #readers = [];
  #events = [];
  #end;
  #ended = new Promise((_, reject) => {
    this.#end = () => reject(new Ended());
  });
  #server;
  #runner;
  #relay;
  #faults;
  #launcher;
  #caller;
  #env;
  #closing = false;
  /** What the end waits for, in words. */
  #awaited = [];
  #complete = false;
  totals;

  /** @param {{ seed: string, seconds: number, rounds: number, producers: number, clients: number, base: string, say: (line: string) => void }} options */
  constructor(options) {
    this.#options = options;
    this.#random = new Random(`torture/${options.seed}`);
    this.#ended.catch(() => {});
    // Whatever is started here, however deep, carries it: so what is left at the end can be found.
    this.#env = { HEADGATE_TORTURE: options.base, HEADGATE_CHECK_RESULTS: '1', HEADGATE_CHECK_BUFFERS: '1' };
    this.totals = { seed: options.seed, rounds: 0, kills: {}, producers: {}, carriage: 'json', runner: 'not in this build' };
    this.totals.written = 0;
    this.totals.clients = { connects: 0, subscriptions: 0, received: 0, frames: 0, stalls: 0, vanished: 0, gaps: 0, events: 0 };
  }

  /** Runs it all. Returns the violations, none when everything held; `interrupted` is true after `interrupt`. */
  async run() {
    const began = Date.now();
    const deadline = setTimeout(() => this.#late(), this.#options.seconds * 1000 + GRACE_MS);
    try {
      await Promise.race([this.#everything(), this.#ended]);
    } catch (error) {
      if (!(error instanceof Ended)) this.#violate({ message: error.stack });
    }
    clearTimeout(deadline);
    await this.#close();
    this.totals.seconds = Math.round((Date.now() - began) / 100) / 10;
    this.totals.memoryMiB = Math.round(process.resourceUsage().maxRSS / 1024);
    return this.#violations;
  }

  /** Ends the work as soon as possible. */
  interrupt() {
    this.#end();
  }

  async #everything() {
    await this.#setUp();
    const { seconds, rounds } = this.#options;
    const settleMs = Math.min(60_000, Math.max(6000, seconds * 200));
    const roundMs = Math.max(500, (seconds * 1000 - settleMs) / rounds);
    for (this.#round = 1; this.#round <= rounds; this.#round++) {
      await this.#oneRound(roundMs);
      this.totals.rounds++;
    }
    for (const client of [...this.#readers, ...this.#events]) client.calm();
    await this.#settled();
    await this.#compare();
  }

  async #setUp() {
    const { base, clients } = this.#options;
    const [data, root] = ['data', 'project', 'ledger', 'runner'].map((name) => join(base, name));
    for (const name of ['data', 'project', 'ledger', 'runner']) mkdirSync(join(base, name), { mode: 0o700 });
    const failed = (message) => this.#violate({ message });
    this.#server = new ServerProcess({ data, env: this.#env, failed });
    await this.#server.start();
    this.#caller = new Caller(this.#server, { transport: 'ws', root, name: 'overseer' });
    if (hasRunner()) await this.#startRunner(failed);
    this.#faults = new Faults({ server: this.#server, runner: this.#runner, relay: this.#relay, kills: this.totals.kills });
    const violate = (violation) => this.#violate(violation);
    const known = (producer) => this.#readers.forEach((reader) => reader.known(producer));
    this.#launcher = new Launcher({ server: this.#server, root, fault: (moment) => this.#faults.point(moment), known, violate });
    await this.#launcher.openRuns(RUNS);
    if (await this.#hasRaw()) this.totals.carriage = 'json and raw';
    const common = { server: this.#server, root, violate, totals: this.totals.clients };
    for (let index = 0; index < clients; index++) this.#readers.push(this.#reader(index, common));
    for (const transport of EVENT_READERS) {
      const name = `events-${transport}`;
      this.#events.push(new EventReader({ ...common, name, transport, random: this.#random.fork(name) }));
    }
    for (const client of [...this.#readers, ...this.#events]) client.start();
  }

  async #startRunner(failed) {
    this.#relay = new Relay(() => portOf(this.#server.address));
    const port = await this.#relay.listen();
    const url = new URL(this.#server.address.url);
    url.port = String(port);
    const data = join(this.#options.base, 'runner');
    this.#runner = new RunnerProcess({ url: url.href, token: this.#server.address.token, data, name: RUNNER, env: this.#env, failed });
    this.#runner.start();
    this.totals.runner = 'one';
  }

  /** Whether subscriptions of this build can have binary messages. */
  async #hasRaw() {
    try {
      const { channels, subscription } = await this.#caller.call('stream/subscribe', {
        run: RUNS[0],
        pattern: 'log://none/**',
        carriage: 'raw',
      });
      await this.#caller.call('stream/unsubscribe', { subscription });
      return channels !== undefined;
    } catch (error) {
      if (error instanceof Refused && error.kind === 'invalid_params') return false;
      throw error;
    }
  }

  #reader(index, common) {
    const name = `reader-${index}`;
    const random = this.#random.fork(name);
    const [transport, carriage] = WAYS[index % WAYS.length];
    return new Reader({
      ...common,
      name,
      transport,
      random,
      carriage: this.totals.carriage === 'json' ? 'json' : carriage,
      mode: ['path', 'pattern', 'live'][index % 3],
      run: RUNS[Math.floor(index / 3) % RUNS.length],
      producer: (id) => this.#producers.get(id),
    });
  }

  async #oneRound(roundMs) {
    const random = this.#random.fork(`round/${this.#round}`);
    const remote = this.#runner !== undefined;
    const maxMs = Math.max(300, Math.min(15_000, roundMs * 2));
    const { producers } = this.#options;
    const more = Math.ceil(producers / 3 + roundMs / 2500);
    const count = this.#round === 1 ? producers : random.int(Math.ceil(more / 2), more);
    const starts = Array.from({ length: count }, () => ({ at: random.int(0, Math.floor(roundMs * (this.#round === 1 ? 0.3 : 0.9))) }));
    const kills = Array.from({ length: killsIn(roundMs, random) }, () => ({
      at: random.int(0, Math.floor(roundMs * 0.8)),
      ...planKill(random, { remote, slow: roundMs > 5000 }),
    }));
    const began = Date.now();
    const until = (at) => delay(Math.max(0, began + at - Date.now()));
    const start = (want) => this.#conduct(this.#plan(maxMs, remote, want));
    const producing = starts.map(async ({ at }) => {
      await until(at);
      start();
    });
    for (const kill of kills.sort((a, b) => a.at - b.at)) {
      await until(kill.at);
      const carried = this.#faults.carryOut(kill);
      // A kill at a moment needs somebody who passes it.
      if (kill.kind.startsWith('accept-')) start();
      if (kill.kind.startsWith('cancel-')) start('hold');
      await carried;
    }
    await Promise.all([...producing, until(roundMs)]);
    const live = [...this.#producers.values()].filter((one) => !one.done).length;
    this.#options.say(
      `round ${this.#round}: ${kills.map(({ kind }) => kind).join(', ')}; ${this.#producers.size} producers, ${live} under way`,
    );
  }

  #plan(maxMs, remote, want) {
    const id = this.#producers.size + 1;
    const producer = planProducer({
      id,
      random: this.#random.fork(`producer/${id}`),
      maxMs,
      runs: RUNS,
      base: this.#options.base,
      remote,
      want,
    });
    this.#producers.set(id, producer);
    this.totals.producers[producer.how] = (this.totals.producers[producer.how] ?? 0) + 1;
    if (producer.runner === 'remote') this.totals.producers.remote = (this.totals.producers.remote ?? 0) + 1;
    if (producer.cancel) this.totals.producers.cancelled = (this.totals.producers.cancelled ?? 0) + 1;
    return producer;
  }

  #conduct(producer) {
    const conduct = this.#launcher
      .run(producer)
      .catch((error) => this.#violate({ producer, message: error.stack }))
      .then(() => {
        producer.done = true;
      });
    this.#conducts.push(conduct);
  }

  /** Until every producer has ended and every client has what it asked for; the deadline is `run`'s. */
  async #settled() {
    await Promise.all(this.#conducts);
    const producers = [...this.#producers.values()];
    const waitsFor = async () => {
      const live = await this.#caller.untilAnswered('stream/list', { state: 'live' });
      if (live.length > 0) return live.map(({ run, path, state }) => `${run} ${path} is ${state}`);
      const open = this.#readers.flatMap((reader) =>
        reader.pending(producers).map(({ id, channel, next }) => `${reader.name} is at ${next} of producer ${id} channel ${channel}`),
      );
      const { lastSeq, subscription } = await this.#caller.untilAnswered('subscribe', {});
      await this.#caller.untilAnswered('unsubscribe', { subscription });
      return [...open, ...this.#events.filter(({ last }) => last < lastSeq).map(({ name, last }) => `${name} is at ${last} of ${lastSeq}`)];
    };
    do {
      await delay(100);
      this.#awaited = await waitsFor();
    } while (this.#awaited.length > 0);
  }

  #late() {
    const undone = [...this.#producers.values()].filter((one) => !one.done).map(({ id }) => `what is to be done for producer ${id}`);
    const awaited = [...undone, ...this.#awaited].slice(0, 10).join('; ');
    this.#violate({ message: `not settled ${GRACE_MS / 1000} s after its time, it waits for: ${awaited}` });
  }

  async #compare() {
    const violate = (violation) => this.#violate(violation);
    const producers = [...this.#producers.values()];
    const random = this.#random.fork('compare');
    await verifyStored(this.#caller, producers, random, violate);
    await Promise.all([...this.#readers, ...this.#events].map((client) => client.stop()));
    await this.#server.stop();
    verifyDatabase(join(this.#options.base, 'data', 'headgate.db'), this.#events, violate);
    await this.#server.start();
    await verifyStored(this.#caller, producers, random, violate);
    await this.#runner?.stop();
    await this.#server.stop();
    verifyDatabase(join(this.#options.base, 'data', 'headgate.db'), this.#events, violate);
    for (const { pid, command } of await survivors(this.#markers())) violate({ message: `process ${pid} is left: ${command}` });
    for (const { contents } of producers) this.totals.written += contents[0].bytes + contents[1].bytes;
    this.#complete = this.#violations.length === 0;
  }

  #markers() {
    const { base } = this.#options;
    return [`HEADGATE_SPOOL=${base}/`, `HEADGATE_TORTURE=${base}`];
  }

  /** Ends everything that was started here; what a violation left running too, by pid. */
  async #close() {
    this.#closing = true;
    // Told first, so that nobody tries to come back to a server that will not.
    const stopped = [...this.#readers, ...this.#events].map((client) => client.stop());
    await Promise.all([this.#server?.close(), this.#runner?.close()]);
    this.#launcher?.close();
    this.#caller?.close();
    await Promise.all(stopped);
    await this.#relay?.close();
    if (this.#complete) return;
    for (const { pid } of carriers(this.#markers())) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has just ended by itself.
      }
    }
  }

  #violate({ producer, ...violation }) {
    if (this.#closing) return;
    this.#violations.push({ round: this.#round, ...(producer ? describe(producer) : {}), ...violation });
    this.#end();
  }
}

/** A kill and the start after it take about a second, so a short round has one or two. */
function killsIn(roundMs, random) {
  return roundMs < 4000 ? (random.chance(0.25) ? 2 : 1) : random.int(2, Math.max(2, Math.round(roundMs / 3500)));
}

/** What a report says of a producer. */
function describe({ id, how, run, path, runner, seed, kind, bytes, cancel }) {
  return { producer: id, facts: { how, runner, run, path, seed, kind, bytes, cancel } };
}

function portOf(address) {
  return address === undefined ? undefined : Number(new URL(address.url).port);
}
