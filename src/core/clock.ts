/** Time as the rest of the code sees it, so that tests can hold it still. */
export interface Clock {
  /** Wall clock, milliseconds since the epoch. May step back. */
  now(): number;
  /** Monotonic milliseconds, fractions included; only differences mean something. */
  monotonic(): number;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
};
