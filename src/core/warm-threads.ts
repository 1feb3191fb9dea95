import type { Worker, WorkerOptions } from 'node:worker_threads';
import { type Deferred, deferred } from './deferred.ts';
import { startThread } from './thread.ts';

/** How long a thread without work is kept (milliseconds). */
const KEPT_MS = 30_000;

/** Sends a thread a message and resolves with its reply. The buffers in `transfer` belong to the thread from then on. */
export type Ask<Message, Reply> = (message: Message, transfer?: readonly ArrayBuffer[]) => Promise<Reply>;

/** One thread, and the message that it works on. */
class Thread<Message, Reply> {
  readonly #worker: Worker;
  #asked: Deferred<Reply> | undefined;
  #cause: Error | undefined;

  constructor(module: URL, options: WorkerOptions & { name: string }, gone: (thread: Thread<Message, Reply>) => void) {
    this.#worker = startThread<Reply>(module, options, {
      message: (reply) => this.#asked?.resolve(reply),
      ended: (cause) => {
        this.end(cause);
        gone(this);
      },
    });
  }

  /** Rejects with the cause once the thread has ended. */
  readonly ask: Ask<Message, Reply> = (message, transfer = []) => {
    if (this.#cause) return Promise.reject(this.#cause);
    this.#asked = deferred<Reply>();
    this.#worker.postMessage(message, transfer);
    return this.#asked.promise;
  };

  /** Whether the thread keeps the process alive. */
  hold(process: boolean): void {
    if (process) this.#worker.ref();
    else this.#worker.unref();
  }

  /** Ends the thread, and rejects the message that it works on with `cause`; a second call does nothing. */
  end(cause: Error): void {
    if (this.#cause) return;
    this.#cause = cause;
    this.#asked?.reject(cause);
    void this.#worker.terminate();
  }
}

/**
 * Threads of one module that send one reply to each message, for work that would block the server's thread (SPEC {#no_pause}). Each piece
 * of work has a thread to itself. One idle thread is kept for 30 seconds, because a new one takes long to load its modules.
 */
export class WarmThreads<Message, Reply> {
  readonly #module: URL;
  readonly #options: WorkerOptions & { name: string };
  #kept: Thread<Message, Reply> | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** @param module - beside the module that makes this object, as for `startThread` */
  constructor(module: URL, options: WorkerOptions & { name: string }) {
    this.#module = module;
    this.#options = options;
  }

  /**
   * Lends a thread to `work`. A thread whose work fails is ended, because it may still be busy.
   *
   * @throws what `work` throws, the reason of `signal` once it is aborted, and the cause when the thread ends
   */
  async lend<T>(work: (ask: Ask<Message, Reply>) => Promise<T>, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    const thread = this.#taken();
    const abort = () => thread.end(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    try {
      const result = await work(thread.ask);
      signal.throwIfAborted();
      this.#keep(thread);
      return result;
    } catch (error) {
      thread.end(error as Error);
      throw error;
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  #taken(): Thread<Message, Reply> {
    clearTimeout(this.#timer);
    const kept = this.#kept;
    this.#kept = undefined;
    kept?.hold(true);
    return kept ?? new Thread(this.#module, this.#options, (thread) => this.#forget(thread));
  }

  #keep(thread: Thread<Message, Reply>): void {
    if (this.#kept) return thread.end(new Error('another thread is kept'));
    this.#kept = thread;
    thread.hold(false);
    this.#timer = setTimeout(() => {
      this.#forget(thread);
      thread.end(new Error('the thread had no work'));
    }, KEPT_MS);
    this.#timer.unref();
  }

  #forget(thread: Thread<Message, Reply>): void {
    if (this.#kept === thread) this.#kept = undefined;
  }
}
