import type { Clock } from '../../core/clock.ts';

/** Looks in one lease; every other one beats. */
const LOOKS = 6;
/** Looks' worth of silence after which the server is taken for gone, if the next look finds it silent still. */
const SILENT_LOOKS = 4;

export interface HeartOptions {
  readonly leaseMs: number;
  readonly clock: Clock;
  /** Monotonic milliseconds at which something last came from the server. */
  readonly heard: () => number;
  readonly beat: () => void;
  /** Nothing comes any more; called once, then the heart stands still. */
  readonly silent: () => void;
}

/**
 * Beats three times in a lease, and notices within it that the server is silent (SPEC {#runner_lease}): the runner gives
 * up first, so that it can be back before the server takes it for lost. Anything that comes counts, for the answer to a
 * heartbeat waits behind output. A process that was stopped finds the timer due before it has read what came meanwhile,
 * so it looks twice.
 */
export class Heart {
  readonly #options: HeartOptions;
  readonly #timer: NodeJS.Timeout;
  #looks = 0;
  #suspected = false;

  constructor(options: HeartOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#look(), options.leaseMs / LOOKS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const { leaseMs, clock, heard, beat, silent } = this.#options;
    const silentMs = clock.monotonic() - heard();
    const overdue = silentMs >= (leaseMs / LOOKS) * SILENT_LOOKS;
    if (overdue && this.#suspected) {
      this.stop();
      silent();
      return;
    }
    this.#suspected = overdue;
    if (++this.#looks % 2 === 0) beat();
  }
}
