import type { Clock } from '../core/clock.ts';

/** The longest a Node timer waits. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Calls back once the wall clock has reached `at` (milliseconds since the epoch), at once when it has already.
 * Returns a function that calls it off.
 */
export function onceReached(at: number, clock: Clock, reached: () => void): () => void {
  let timer: NodeJS.Timeout;
  const arm = (): void => {
    const leftMs = at - clock.now();
    timer = leftMs <= MAX_TIMER_MS ? setTimeout(reached, Math.max(0, leftMs)) : setTimeout(arm, MAX_TIMER_MS);
  };
  arm();
  return () => clearTimeout(timer);
}
