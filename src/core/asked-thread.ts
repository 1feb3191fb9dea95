import type { Worker, WorkerOptions } from 'node:worker_threads';
import { startThread } from './thread.ts';

/** What a thread that is asked has to know of itself. */
export interface AskedThreadOptions {
  /** Module that takes `{id, question}` and posts `{id, reply}`. */
  readonly module: URL;
  readonly worker: WorkerOptions & { readonly name: string };
  /** How long it may take for one question; then it is ended (milliseconds). */
  readonly silenceMs: number;
  /** How long it is not started again after it has ended (milliseconds). */
  readonly restartMs: number;
}

interface Waiting<Q, A> {
  readonly question: Q;
  readonly resolve: (reply: A | undefined) => void;
  /** Called when the thread ends before it has replied. */
  readonly ended: (cause: Error) => void;
}

/**
 * A thread that works out replies to questions, one after the other (SPEC {#no_pause}). It starts with the first question, is kept, and keeps
 * the process alive only while it is asked. A question that takes too long, or that ends the thread, costs the others nothing: they go
 * on with the next thread.
 */
export class AskedThread<Q, A> {
  readonly #options: AskedThreadOptions;
  #waiting: Waiting<Q, A>[] = [];
  #current: (Waiting<Q, A> & { readonly id: number; readonly timer: NodeJS.Timeout }) | undefined;
  #thread: Worker | undefined;
  #id = 0;
  #endedAt = Number.NEGATIVE_INFINITY;

  constructor(options: AskedThreadOptions) {
    this.#options = options;
  }

  /** The reply; undefined when there is no thread, or when it ends before it replies: then `ended` is called with the cause. Never rejects. */
  ask(question: Q, ended: (cause: Error) => void = () => {}): Promise<A | undefined> {
    return new Promise((resolve) => {
      this.#waiting.push({ question, resolve, ended });
      this.#next();
    });
  }

  #next(): void {
    while (!this.#current) {
      const next = this.#waiting.shift();
      if (!next) return this.#thread?.unref();
      const thread = this.#running(next);
      if (!thread) {
        next.resolve(undefined);
        continue;
      }
      const { silenceMs } = this.#options;
      const id = ++this.#id;
      const late = () => this.#ended(thread, new Error(`it took longer than ${silenceMs} ms`));
      this.#current = { ...next, id, timer: setTimeout(late, silenceMs) };
      thread.ref();
      thread.postMessage({ id, question: next.question });
    }
  }

  #running({ ended }: Waiting<Q, A>): Worker | undefined {
    if (this.#thread) return this.#thread;
    const { module, worker, restartMs } = this.#options;
    if (performance.now() - this.#endedAt < restartMs) return undefined;
    try {
      const thread = startThread<{ id: number; reply: A }>(module, worker, {
        message: ({ id, reply }) => this.#replied(id, reply),
        ended: (cause) => this.#ended(thread, cause),
      });
      this.#thread = thread;
    } catch (error) {
      this.#endedAt = performance.now();
      ended(error as Error);
    }
    return this.#thread;
  }

  #replied(id: number, reply: A | undefined): void {
    const current = this.#current;
    // What a thread posts that has been given up is nobody's.
    if (current?.id !== id) return;
    this.#current = undefined;
    clearTimeout(current.timer);
    current.resolve(reply);
    this.#next();
  }

  #ended(thread: Worker, cause: Error): void {
    if (this.#thread !== thread) return;
    this.#thread = undefined;
    this.#endedAt = performance.now();
    // It may not end at once: what it reads from a slow disk it reads to its end.
    thread.unref();
    void thread.terminate();
    const current = this.#current;
    if (!current) return;
    current.ended(cause);
    this.#replied(current.id, undefined);
  }
}
