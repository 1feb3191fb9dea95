import { setTimeout as delay } from 'node:timers/promises';
import { Backoff } from '../core/backoff.ts';
import { type HeadgateError, isHeadgateError, messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';

const RETRY = { firstMs: 100, longestMs: 2000 };

/**
 * Tells the server something until it is stored: a full disk must not leave a producer at 102 for ever. Returns the
 * error that makes it pointless (stream_closed, stale_epoch, not_found), or undefined once it is stored. An aborted
 * signal ends the waiting; then nothing more is tried.
 */
export function tellUntilStored(
  tell: () => void | Promise<void>,
  options: { logger: Logger; facts: object; signal: AbortSignal },
): Promise<HeadgateError | undefined> {
  return untilDone(tell, { ...options, failed: 'what became of a producer was not stored; it will be told again' });
}

/** Tries something until it succeeds or is pointless, with pauses of 100 ms doubling to 2 s; `failed` is logged each time. */
export async function untilDone(
  work: () => void | Promise<void>,
  options: { logger: Logger; facts: object; signal: AbortSignal; failed: string },
): Promise<HeadgateError | undefined> {
  for (const pauses = new Backoff(RETRY); !options.signal.aborted; ) {
    const pauseMs = pauses.next();
    try {
      await work();
      return undefined;
    } catch (error) {
      if (isPointless(error)) return error;
      options.logger.warn({ ...options.facts, pauseMs, error: messageOf(error) }, options.failed);
    }
    await delay(pauseMs, undefined, { signal: options.signal }).catch(() => undefined);
  }
  return undefined;
}

function isPointless(error: unknown): error is HeadgateError {
  return isHeadgateError(error, 'stream_closed') || isHeadgateError(error, 'stale_epoch') || isHeadgateError(error, 'not_found');
}
