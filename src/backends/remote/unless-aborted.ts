import { HeadgateError } from '../../core/errors.ts';
import type { ShellRun } from './shell-host.ts';

/**
 * Resolves with a run once it is open. Rejects with `conflict`, outcome `cancelled`, when `signal` is aborted before, and closes the
 * run when it opens after that.
 */
export async function unlessAborted(opening: Promise<ShellRun>, signal: AbortSignal | undefined): Promise<ShellRun> {
  if (!signal) return await opening;
  let stop = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(new HeadgateError('conflict', 'the command was cancelled before it was started', { outcome: 'cancelled' }));
    signal.addEventListener('abort', stop);
    if (signal.aborted) stop();
  });
  try {
    return await Promise.race([aborted, opening]);
  } catch (error) {
    opening.then(
      (run) => run.close(),
      () => {},
    );
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
