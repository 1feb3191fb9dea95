import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';
import { type Deferred, deferred } from '../core/deferred.ts';
import { messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import { startThread } from '../core/thread.ts';
import { LogLength } from './log-length.ts';

/** Pause between two rounds while there is something to move (milliseconds). */
const INTERVAL_MS = 250;
/** Size of the write-ahead log from which on it is begun again. */
const MAX_BYTES = 64 * 1024 * 1024;
/** Size from which on who appends in bulk waits until it has been: the writer is faster than the disk. */
const FULL_BYTES = 80 * 1024 * 1024;
/** A round that took no longer than this leaves so little behind that the writer may wait for it (milliseconds). */
const QUICK_MS = 10;
/** Longest that a commit waits for the log to begin again (milliseconds). */
const MAX_WAIT_MS = 500;
/** Longest pause after a failure, such as a full disk, or a reader outside that holds the log (milliseconds). */
const MAX_BACKOFF_MS = 5000;
/** Pauses before a thread that has ended is started again: the first, and the longest (milliseconds). */
const RESTART_MS = 1000;
const MAX_RESTART_MS = 60_000;
/** After so long a batch goes into a log that cannot be begun again now: then it grows, and a command of 1 MiB a batch gets 20 MiB a second (milliseconds). */
const ROOM_MS = 50;

/** Places in the flags that both threads see; the worker has the same list. */
const FLAG = {
  /** 1 when there was a commit since the thread last looked. */
  committed: 0,
  /** 1 while the thread begins the log again. */
  restarting: 1,
  /** Rounds, counted twice: odd while one is under way. */
  round: 2,
  /** Length of the log as the last round found it (KiB). */
  length: 3,
  /** 1 when a writer waits for room. */
  waiting: 4,
  /** Bytes committed since the last round began (KiB). */
  written: 5,
} as const;

interface Report {
  readonly failed?: string;
  readonly recovered?: true;
  readonly room?: true;
}

/**
 * Checkpoints in a thread of their own, so that no commit waits for one (SPEC {#checkpoints}). The thread starts with
 * the first commit and does not keep the process alive. When it ends it is started again, after a pause that doubles
 * each time and is forgotten once a thread has lived for the longest of them.
 */
export class Checkpointer {
  readonly #file: string;
  readonly #logger: Logger;
  readonly #inline: (inline: boolean) => void;
  readonly #restartMs: number;
  readonly #flags = new Int32Array(new SharedArrayBuffer(4 * Object.keys(FLAG).length));
  readonly #length = new LogLength();
  #worker: Worker | undefined;
  #startedAt = 0;
  #pauseMs: number;
  #pause: NodeJS.Timeout | undefined;
  #ended = false;
  #room: Deferred<void> | undefined;

  /**
   * @param options - `inline` is called with true if there is no thread, so that the writer has to checkpoint; `restartMs`:
   * the first pause before a thread that has ended is started again
   */
  constructor(options: { file: string; logger: Logger; inline: (inline: boolean) => void; restartMs?: number | undefined }) {
    this.#file = options.file;
    this.#logger = options.logger;
    this.#inline = options.inline;
    this.#restartMs = options.restartMs ?? RESTART_MS;
    this.#pauseMs = this.#restartMs;
  }

  /** Checkpoints begun and ended so far, counted together: an odd number says that one is under way. */
  get round(): number {
    return Atomics.load(this.#flags, FLAG.round);
  }

  /** So many bytes go into the log with the open transaction. */
  wrote(bytes: number): void {
    this.#length.wrote(bytes);
  }

  /** There was a commit. Costs two atomic operations while the thread is awake. */
  committed(): void {
    Atomics.add(this.#flags, FLAG.written, this.#length.openKiB);
    this.#length.committed(this.round, () => Atomics.load(this.#flags, FLAG.length) * 1024);
    if (Atomics.exchange(this.#flags, FLAG.committed, 1) === 1 || this.#ended || this.#pause) return;
    if (this.#worker) this.#worker.postMessage('committed');
    else this.#start();
  }

  /** Before a transaction: lets the thread begin the log again, which it does when the log is long. */
  beforeBegin(): void {
    if (Atomics.load(this.#flags, FLAG.restarting) === 1) Atomics.wait(this.#flags, FLAG.restarting, 1, MAX_WAIT_MS);
  }

  /**
   * Undefined while the log is short enough to append to; otherwise a promise that resolves when the thread has begun it
   * again, or has tried to and could not, or is not to try yet: then the log grows by the caller's one batch.
   */
  room(): Promise<void> | undefined {
    if (this.#room) return this.#room.promise;
    if (this.#ended || !this.#worker || this.#length.bytes <= FULL_BYTES) return undefined;
    const room = deferred();
    this.#room = room;
    Atomics.store(this.#flags, FLAG.waiting, 1);
    this.#worker.postMessage('room');
    return room.promise;
  }

  /** Ends the thread after the round it is in. */
  async close(): Promise<void> {
    this.#ended = true;
    clearTimeout(this.#pause);
    this.#makeRoom();
    const worker = this.#worker;
    this.#worker = undefined;
    if (!worker) return;
    const exit = once(worker, 'exit');
    worker.ref();
    worker.postMessage('stop');
    await exit;
  }

  /** A thread that cannot be made is one that has ended at once: no commit fails for it. */
  #start(): void {
    this.#startedAt = performance.now();
    try {
      this.#worker = this.#begin();
    } catch (error) {
      this.#lost(messageOf(error));
    }
  }

  #begin(): Worker {
    const options = {
      name: 'checkpoint',
      workerData: {
        file: this.#file,
        flags: this.#flags,
        flag: FLAG,
        intervalMs: INTERVAL_MS,
        maxBytes: MAX_BYTES,
        quickMs: QUICK_MS,
        maxBackoffMs: MAX_BACKOFF_MS,
        roomMs: ROOM_MS,
      },
    };
    const worker = startThread<Report>(new URL('./checkpoint-worker.mjs', import.meta.url), options, {
      message: ({ failed, room }) => {
        if (room) this.#makeRoom();
        else if (failed === undefined) this.#logger.info({ file: this.#file }, 'checkpoints work again');
        else this.#logger.warn({ file: this.#file, error: failed }, 'a checkpoint failed; it is tried again');
      },
      ended: ({ message }) => {
        if (this.#worker === worker) this.#lost(message);
      },
    });
    // After the listeners: adding one would make the thread count again.
    worker.unref();
    return worker;
  }

  #lost(cause: string): void {
    if (performance.now() - this.#startedAt >= MAX_RESTART_MS) this.#pauseMs = this.#restartMs;
    const pauseMs = this.#pauseMs;
    this.#pauseMs = Math.min(2 * pauseMs, MAX_RESTART_MS);
    const message = 'the checkpoint thread ended; commits checkpoint until it is started again';
    this.#logger.error({ file: this.#file, error: cause, pauseMs }, message);
    this.#worker = undefined;
    Atomics.store(this.#flags, FLAG.restarting, 0);
    Atomics.store(this.#flags, FLAG.waiting, 0);
    // Ended within a round, it has left the count of beginnings and ends odd.
    if (this.round % 2 === 1) Atomics.add(this.#flags, FLAG.round, 1);
    this.#inline(true);
    this.#makeRoom();
    this.#pause = setTimeout(() => this.#restart(), pauseMs).unref();
  }

  #restart(): void {
    this.#pause = undefined;
    this.#inline(false);
    this.#start();
  }

  #makeRoom(): void {
    this.#length.measured(Atomics.load(this.#flags, FLAG.length) * 1024);
    this.#room?.resolve();
    this.#room = undefined;
  }
}
