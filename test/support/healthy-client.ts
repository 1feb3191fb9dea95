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
  #waiting: { resolve: (report: Report) => void; reject: (error: Error) => void } | undefined;

  private constructor(worker: Worker) {
    this.#worker = worker;
    worker.on('message', (report: Report) => {
      if (report.failed === undefined) this.#waiting?.resolve(report);
      else this.#waiting?.reject(new Error(report.failed));
    });
    worker.on('error', (error) => this.#waiting?.reject(error));
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
      this.#waiting = { resolve, reject };
    });
  }
}
