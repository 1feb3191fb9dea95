import { HeadgateError } from '../../core/errors.ts';
import type { ShellRun } from './shell-host.ts';

/**
 * A run as soon as it is open. Rejects with `conflict`, outcome `cancelled`, when `signal` is aborted before, and lets go of the
 * run when it comes after all.
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
