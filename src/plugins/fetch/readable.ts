import type { Worker } from 'node:worker_threads';
import { startThread } from '../../core/thread.ts';

/** How long a page may take to be turned into text (milliseconds). */
const READ_MS = 5000;
/** Memory of the thread that does it (MiB): a page that is too much for it ends the thread and not the server. */
const MEMORY_MB = 256;

/** The text of a page; `problem` says why there is none, or why it is not all. */
export interface Readable {
  readonly text?: string;
  readonly problem?: string;
}

/**
 * Turns a page into text in a thread of its own, so that no page stops the server (SPEC {#tool_fetch}).
 *
 * @param base - what links are relative to
 * @throws the reason of `signal`, when it is aborted meanwhile
 */
export async function readPage(page: string, base: URL, signal: AbortSignal): Promise<Readable> {
  signal.throwIfAborted();
  const options = { name: 'page', resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB }, workerData: { page, base: base.href } };
  let worker: Worker | undefined;
  let timer: NodeJS.Timeout | undefined;
  const abort = { call: () => {} };
  try {
    return await new Promise<Readable>((resolve, reject) => {
      timer = setTimeout(() => resolve({ problem: `the page took longer than ${READ_MS / 1000} s to be turned into text` }), READ_MS);
      abort.call = () => reject(signal.reason as Error);
      signal.addEventListener('abort', abort.call, { once: true });
      worker = startThread<{ text: string; cut: boolean }>(new URL('./readable-worker.mjs', import.meta.url), options, {
        message: ({ text, cut }) => resolve(cut ? { text, problem: 'the page is nested so deeply that its text ends early' } : { text }),
        ended: ({ message }) => resolve({ problem: `the page could not be turned into text: ${message}` }),
      });
    });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort.call);
    await worker?.terminate();
  }
}
