import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { BuiltServer } from './built-server.ts';

/** Between two pings (milliseconds). */
const EVERY_MS = 10;
/** Between two looks at what the server has waited for a processor (milliseconds). */
const LOOK_MS = 200;
const MODULE = fileURLToPath(new URL('./healthy-client.mjs', import.meta.url));

interface Report {
  readonly open?: true;
  readonly failed?: string;
  readonly longestMs?: number;
}

/** How long answers took (milliseconds). */
export interface Waits {
  /** The longest one. */
  readonly longest: number;
  /** The longest one less the time in which others had the server's processor: what the server itself is to blame for. */
  readonly owed: number;
}

/** A client that does nothing wrong and asks every 10 ms whether the server lives, in a process of its own. */
export class HealthyClient {
  readonly #child: ChildProcess;
  readonly #server: number;
  #waiting: { resolve: (report: Report) => void; reject: (error: Error) => void } | undefined;
  #starved: number;

  private constructor(child: ChildProcess, server: number) {
    this.#child = child;
    this.#server = server;
    this.#starved = starvedMs(server);
    child.on('message', (report: Report) => {
      if (report.failed === undefined) this.#waiting?.resolve(report);
      else this.#waiting?.reject(new Error(report.failed));
    });
    child.on('error', (error) => this.#waiting?.reject(error));
    child.on('exit', (code) => this.#waiting?.reject(new Error(`the healthy client ended with ${code}`)));
  }

  static async connect({ url, token, process: { pid = 0 } }: BuiltServer): Promise<HealthyClient> {
    const client = new HealthyClient(fork(MODULE, [JSON.stringify({ url, token, everyMs: EVERY_MS })], { execArgv: [] }), pid);
    await client.#next();
    return client;
  }

  /** What answers take while `work` goes on. */
  async during(work: () => Promise<unknown>): Promise<Waits> {
    await this.#look();
    const waits: Waits[] = [];
    let looking: Promise<void> | undefined;
    const look = async () => void waits.push(await this.#look());
    const timer = setInterval(() => {
      looking ??= look().finally(() => {
        looking = undefined;
      });
    }, LOOK_MS);
    try {
      await work();
    } finally {
      clearInterval(timer);
      await looking;
    }
    await look();
    return { longest: Math.max(...waits.map(({ longest }) => longest)), owed: Math.max(...waits.map(({ owed }) => owed)) };
  }

  async close(): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.kill();
    await ended;
  }

  /** The waits since the last look. */
  async #look(): Promise<Waits> {
    const next = this.#next();
    this.#child.send('report');
    const { longestMs: longest = Number.POSITIVE_INFINITY } = await next;
    const starved = starvedMs(this.#server);
    const owed = Math.max(0, longest - (starved - this.#starved));
    this.#starved = starved;
    return { longest, owed };
  }

  #next(): Promise<Report> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }
}

/** How long the main thread of a process has waited for a processor that others had (proc(5), schedstat). */
function starvedMs(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[1]) / 1e6;
}
