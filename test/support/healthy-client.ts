import { Worker } from 'node:worker_threads';
import type { Ready } from './built-server.ts';

/** Between two pings (milliseconds). */
const EVERY_MS = 10;

interface Report {
  readonly open?: true;
  readonly failed?: string;
  readonly longestMs?: number;
}

/** A client that does nothing wrong and asks every 10 ms whether the server lives, from a thread of its own. */
export class HealthyClient {
  readonly #worker: Worker;

  private constructor(worker: Worker) {
    this.#worker = worker;
  }

  static async connect({ url, token }: Pick<Ready, 'url' | 'token'>): Promise<HealthyClient> {
    const worker = new Worker(new URL('./healthy-client.mjs', import.meta.url), { workerData: { url, token, everyMs: EVERY_MS } });
    const client = new HealthyClient(worker);
    await client.#next();
    return client;
  }

  /** The longest that an answer has taken since the last time it was asked for (milliseconds). */
  async longestMs(): Promise<number> {
    const next = this.#next();
    this.#worker.postMessage('report');
    return (await next).longestMs ?? Number.POSITIVE_INFINITY;
  }

  /** The longest that an answer takes while `work` goes on. */
  async during(work: () => Promise<unknown>): Promise<number> {
    await this.longestMs();
    await work();
    return await this.longestMs();
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #next(): Promise<Report> {
    return new Promise((resolve, reject) => {
      this.#worker.once('message', (report: Report) => (report.failed === undefined ? resolve(report) : reject(new Error(report.failed))));
      this.#worker.once('error', reject);
    });
  }
}
