import type { Runtime } from '../rpc/client/index.ts';
import type { ResultOf } from '../rpc/protocol/table.ts';

export type Receipt = NonNullable<ResultOf<'stream/receipt'>['receipt']>;

/** The server gives a tree its grace, then a moment for the KILL to be confirmed. */
const DEFAULT_GRACE_MS = 2000;
const CONFIRM_MS = 8000;
/** Looks again without news: the session may have subscribed to other events only. */
const LOOK_MS = 500;

/**
 * Waits until the kill that a cancel began is over and returns its receipt. Returns what is known when it takes longer
 * than grace and confirmation may, or when `signal` is aborted.
 */
export async function awaitKill(
  session: Runtime,
  run: string,
  path: string,
  signal: AbortSignal | undefined,
  graceMs: number = DEFAULT_GRACE_MS,
): Promise<Receipt | undefined> {
  const timeout = AbortSignal.timeout(graceMs + CONFIRM_MS);
  const over = signal ? AbortSignal.any([signal, timeout]) : timeout;
  let wake = () => {};
  // The log entry changes once more when the receipt is written.
  const forget = session.on('entry/changed', (change) => {
    if (change.run === run && change.path === path) wake();
  });
  try {
    while (true) {
      const news = new Promise<void>((resolve) => {
        wake = resolve;
      });
      const aborted = new Promise<void>((resolve) => {
        if (over.aborted) resolve();
        else over.addEventListener('abort', () => resolve(), { once: true });
      });
      const { state, receipt } = await session.look('stream/receipt', { run, path });
      if (state !== 'cancelling' || over.aborted) return receipt ?? undefined;
      const timer = setTimeout(wake, LOOK_MS);
      await Promise.race([news, aborted]);
      clearTimeout(timer);
    }
  } finally {
    forget();
  }
}
