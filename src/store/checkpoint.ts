import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Logger } from '../core/logger.ts';

/** Pause between two rounds while there is something to move (milliseconds). */
const INTERVAL_MS = 250;
/** Size of the write-ahead log from which on it is begun anew. */
const MAX_BYTES = 64 * 1024 * 1024;
/** A round that took no longer than this leaves so little behind that the writer may wait for it (milliseconds). */
const QUICK_MS = 10;
/** Longest that a commit waits for the log to begin anew (milliseconds). */
const MAX_WAIT_MS = 500;
/** Longest pause after a failure, such as a full disk (milliseconds). */
const MAX_BACKOFF_MS = 5000;

/** Places in the shared flags: 1 when there was a commit since the thread last looked, when the thread begins the log anew. */
const COMMITTED = 0;
const RESTARTING = 1;

interface Report {
  readonly failed?: string;
  readonly recovered?: true;
}

/**
 * Checkpoints in a thread of their own, so that no commit waits for one (SPEC {#checkpoints}). The thread starts with
 * the first commit and does not keep the process alive.
 */
export class Checkpointer {
  readonly #file: string;
  readonly #logger: Logger;
  readonly #died: () => void;
  readonly #flags = new Int32Array(new SharedArrayBuffer(8));
  #worker: Worker | undefined;
  #ended = false;

  /** `died` is called once when the thread is gone for good: somebody else has to checkpoint then. */
  constructor(options: { file: string; logger: Logger; died: () => void }) {
    this.#file = options.file;
    this.#logger = options.logger;
    this.#died = options.died;
  }

  /** There was a commit. Costs one atomic exchange while the thread is awake. */
  committed(): void {
    if (Atomics.exchange(this.#flags, COMMITTED, 1) === 1 || this.#ended) return;
    if (this.#worker) this.#worker.postMessage('committed');
    else this.#start();
  }

  /** Before a transaction: lets the thread begin the log anew, which it does when the log is long. */
  beforeBegin(): void {
    if (Atomics.load(this.#flags, RESTARTING) === 1) Atomics.wait(this.#flags, RESTARTING, 1, MAX_WAIT_MS);
  }

  /** Ends the thread after the round it is in. */
  async close(): Promise<void> {
    this.#ended = true;
    const worker = this.#worker;
    this.#worker = undefined;
    if (!worker) return;
    const exit = once(worker, 'exit');
    worker.ref();
    worker.postMessage('stop');
    await exit;
  }

  #start(): void {
    const worker = new Worker(new URL('./checkpoint-worker.mjs', import.meta.url), {
      name: 'checkpoint',
      workerData: {
        file: this.#file,
        flags: this.#flags,
        intervalMs: INTERVAL_MS,
        maxBytes: MAX_BYTES,
        quickMs: QUICK_MS,
        maxBackoffMs: MAX_BACKOFF_MS,
      },
    });
    this.#worker = worker;
    worker.on('message', ({ failed }: Report) => {
      if (failed === undefined) this.#logger.info({ file: this.#file }, 'checkpoints work again');
      else this.#logger.warn({ file: this.#file, error: failed }, 'a checkpoint failed; it is tried again');
    });
    worker.on('error', (error) => {
      this.#logger.error({ file: this.#file, error: error.message }, 'the checkpoint thread ended; commits checkpoint from now on');
      this.#worker = undefined;
      Atomics.store(this.#flags, RESTARTING, 0);
      if (this.#ended) return;
      this.#ended = true;
      this.#died();
    });
    // After the listeners: adding one would make the thread count again.
    worker.unref();
  }
}
