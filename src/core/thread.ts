import { Worker, type WorkerOptions } from 'node:worker_threads';

/** Who follows a thread. */
interface Follower<T> {
  message(report: T): void;
  /** Once, when the thread is there no more, whatever has ended it. */
  ended(cause: Error): void;
}

/**
 * Starts a thread from a module beside the one that starts it; the build copies these modules next to the bundle
 * (`scripts/lib/bundle.mjs`). An error and the end that follows it are reported once, as one.
 */
export function startThread<T>(module: URL, options: WorkerOptions & { name: string }, follower: Follower<T>): Worker {
  const worker = new Worker(module, options);
  worker.on('message', (report: T) => follower.message(report));
  let cause = new Error(`the thread "${options.name}" was ended`);
  worker.on('error', (error) => {
    cause = error;
  });
  // Comes after 'error', and alone when the thread was ended from outside.
  worker.on('exit', () => follower.ended(cause));
  return worker;
}
