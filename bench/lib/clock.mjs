import { setTimeout as delay } from 'node:timers/promises';

/** The monotonic clock, milliseconds. */
export const nowMs = () => Number(process.hrtime.bigint()) / 1e6;

/** Calls `once` with a pause before each call, so that it finds everything cold, and returns what the calls returned. */
export async function paced(count, pauseMs, once) {
  const results = [];
  for (let done = 0; done < count; done++) {
    await delay(pauseMs);
    results.push(await once());
  }
  return results;
}
