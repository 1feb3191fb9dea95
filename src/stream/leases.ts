import type { Clock } from '../core/clock.ts';

/** The longest that an overdue holder is given to show that only this process stood still (milliseconds). */
const SECOND_LOOK_MS = 1000;

interface Lease {
  /** Monotonic milliseconds of the last sign of life. */
  seen: number;
  lookedTwice: boolean;
  timer: NodeJS.Timeout;
}

/**
 * Who has given a sign of life within the lease (SPEC {#runner_lease}). A process that was stopped finds every timer
 * due before it has read what came meanwhile, so an overdue holder is looked at twice.
 */
export class Leases {
  readonly leaseMs: number;
  readonly #clock: Clock;
  readonly #over: (holder: string) => void;
  readonly #leases = new Map<string, Lease>();

  constructor(options: { leaseMs: number; clock: Clock; over: (holder: string) => void }) {
    this.leaseMs = options.leaseMs;
    this.#clock = options.clock;
    this.#over = options.over;
  }

  /** The holder is there now. */
  renew(holder: string): void {
    const known = this.#leases.get(holder);
    if (known) {
      known.seen = this.#clock.monotonic();
      known.lookedTwice = false;
      return;
    }
    this.#leases.set(holder, { seen: this.#clock.monotonic(), lookedTwice: false, timer: this.#arm(holder, this.leaseMs) });
  }

  /** Stops all of them; no callback is called any more. */
  close(): void {
    for (const { timer } of this.#leases.values()) clearTimeout(timer);
    this.#leases.clear();
  }

  #arm(holder: string, ms: number): NodeJS.Timeout {
    const timer = setTimeout(() => this.#look(holder), Math.max(1, Math.ceil(ms)));
    timer.unref();
    return timer;
  }

  #look(holder: string): void {
    const lease = this.#leases.get(holder);
    if (!lease) return;
    const leftMs = lease.seen + this.leaseMs - this.#clock.monotonic();
    if (leftMs > 0) {
      lease.timer = this.#arm(holder, leftMs);
    } else if (!lease.lookedTwice) {
      lease.lookedTwice = true;
      lease.timer = this.#arm(holder, Math.min(SECOND_LOOK_MS, this.leaseMs / 3));
    } else {
      this.#leases.delete(holder);
      this.#over(holder);
    }
  }
}
