import { setTimeout as delay } from 'node:timers/promises';

/** How long a kill waits for the moment that it is meant for; then it comes at any moment. */
const MOMENT_MS = 3000;

/** Moments that whoever drives the server passes, with the number of kills meant for each in ten. */
const MOMENTS = { 'accept-sent': 2, 'accept-answered': 2, 'cancel-sent': 1, 'cancel-answered': 1, 'chunk-sent': 1 };

/** A kill as decided from the seed. `startups`: milliseconds after which the server that comes next is killed, ready or not. */
export function planKill(random, { remote, slow }) {
  const kind = random.weighted({
    stream: 6,
    moment: 7,
    startup: 3,
    stop: 1,
    runner: remote ? 3 : 0,
    both: remote ? 2 : 0,
    link: remote ? 2 : 0,
  });
  const startups = kind === 'startup' || random.chance(0.15) ? random.int(1, slow ? 3 : 1) : 0;
  return {
    kind: kind === 'moment' ? random.weighted(MOMENTS) : kind,
    delayMs: random.chance(0.5) ? 0 : random.int(1, 15),
    downMs: random.chance(0.5) ? 0 : random.scale(1, slow ? 2000 : 300),
    startups: kind === 'runner' || kind === 'link' ? [] : Array.from({ length: startups }, () => random.scale(10, slow ? 1000 : 500)),
  };
}

/** Carries kills out, and counts them. */
export class Faults {
  #server;
  #runner;
  #relay;
  #kills;
  #armed;

  constructor({ server, runner, relay, kills }) {
    this.#server = server;
    this.#runner = runner;
    this.#relay = relay;
    this.#kills = kills;
  }

  /** Passed by whoever drives the server; kills it on this very tick when a kill is due here without delay. */
  point(moment) {
    if (this.#armed?.moment !== moment) return;
    const { delayMs, fire } = this.#armed;
    this.#armed = undefined;
    if (delayMs === 0) fire();
    else setTimeout(fire, delayMs);
  }

  /** Carries one kill out and starts again what it ended; resolves when the server is ready. */
  async carryOut({ kind, delayMs, downMs, startups }) {
    this.#kills[kind] = (this.#kills[kind] ?? 0) + 1;
    if (kind === 'link') return this.#relay.cut();
    const runner = kind === 'runner' || kind === 'both' ? this.#runner : undefined;
    if (kind === 'runner') await runner.kill();
    else if (kind === 'stop') await this.#server.stop();
    else if (kind in MOMENTS) await this.#atMoment(kind, delayMs);
    else await Promise.all([this.#server.kill(), runner?.kill()]);
    await delay(downMs);
    for (const afterMs of startups) {
      this.#kills.starting = (this.#kills.starting ?? 0) + 1;
      await this.#server.startAndKill(afterMs);
    }
    runner?.start();
    if (kind !== 'runner') await this.#server.start();
  }

  async #atMoment(moment, delayMs) {
    const passed = new Promise((resolve) => {
      this.#armed = { moment, delayMs, fire: () => resolve(this.#server.kill()) };
    });
    await Promise.race([passed, delay(MOMENT_MS, undefined, { ref: false })]);
    this.#armed = undefined;
    await this.#server.kill();
  }
}
