import { WarmThreads } from '../../core/warm-threads.ts';

/** How long a page may take to be turned into text (milliseconds). */
const READ_MS = 5000;
/** Memory of the thread that does it (MiB): a page that is too much for it ends the thread and not the server. */
const MEMORY_MB = 256;

/** The text of a page, in UTF-8; `problem` says why there is none, or why it is not all. */
export interface Readable {
  readonly text?: Uint8Array;
  readonly problem?: string;
}

const threads = new WarmThreads<{ page: Uint8Array; charset: string; base: string }, { text: Uint8Array; cut: boolean }>(
  new URL('./readable-worker.mjs', import.meta.url),
  { name: 'page', resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB }, workerData: { reads: 'pages' } },
);

/**
 * Turns a page into text in a thread of its own, so that no page stops the server (SPEC {#tool_fetch}).
 *
 * @param charset - what the page is written in; UTF-8 where it has an unknown name
 * @param base - what links are relative to
 * @throws the reason of `signal`, when it is aborted meanwhile
 */
export async function readPage(page: Uint8Array, charset: string, base: URL, signal: AbortSignal): Promise<Readable> {
  const late = AbortSignal.timeout(READ_MS);
  // A copy of its own can be handed over; the bytes of the page may lie in a larger buffer.
  const own = new Uint8Array(page);
  try {
    const ended = AbortSignal.any([signal, late]);
    const { text, cut } = await threads.lend((ask) => ask({ page: own, charset, base: base.href }, [own.buffer]), ended);
    return cut ? { text, problem: 'the page is nested so deeply that its text ends early' } : { text };
  } catch (error) {
    signal.throwIfAborted();
    if (late.aborted) return { problem: `the page took longer than ${READ_MS / 1000} s to be turned into text` };
    return { problem: `the page could not be turned into text: ${(error as Error).message}` };
  }
}
