import { setTimeout as delay } from 'node:timers/promises';
import { Backoff } from '../core/backoff.ts';
import type { Clock } from '../core/clock.ts';
import { deferred } from '../core/deferred.ts';
import type { BackendHandle } from '../model/ports/backend.ts';
import type { LeftoverFact } from '../model/ports/runner.ts';
import type { LeftoverLimit } from '../model/records.ts';
import { onceReached } from './deadline.ts';

/** Pauses between two looks at the processes, milliseconds: the first, and the longest. */
const LOOKS = { firstMs: 1000, longestMs: 15_000 };

/** How much of what is written after the end of a command is stored; 0 for no limit (SPEC {#detached}). */
export interface RestLimits {
  readonly bytes: number;
  readonly ms: number;
}

export const DEFAULT_REST: RestLimits = { bytes: 1024 * 1024, ms: 10 * 60_000 };

/**
 * The rest of a command whose main process has ended while other processes of it hold its output: what they write is counted
 * from the end on, and beyond a limit it is dropped.
 */
export class Rest {
  readonly #limits: RestLimits;
  readonly #clock: Clock;
  readonly #ends: ReadonlyMap<number, number>;
  readonly #reached: Map<number, number>;
  readonly #stop = new AbortController();
  readonly #full = deferred<LeftoverLimit>();
  #handle: BackendHandle | undefined;
  #callOff = () => {};
  #pids: readonly number[] = [];
  #limit: LeftoverLimit | null;
  /** The limit that the server knows of. */
  #told: LeftoverLimit | null;

  /** @param o - `ends`: channel -> where the command ended; `stored`: channel -> what is stored; `limit`: reached before a restart */
  constructor(o: {
    ends: ReadonlyMap<number, number>;
    stored: ReadonlyMap<number, number>;
    limit: LeftoverLimit | null;
    limits: RestLimits;
    clock: Clock;
  }) {
    this.#limits = o.limits;
    this.#clock = o.clock;
    this.#ends = o.ends;
    this.#reached = new Map(o.stored);
    this.#limit = o.limit;
    this.#told = o.limit;
  }

  /**
   * What there was at the end of the command is stored, and `pids` hold the output. The time counts from `since`, by the wall clock,
   * and is enforced from now on: output of the time without a runner is stored however old it is.
   */
  begin(handle: BackendHandle, pids: readonly number[], since: number): void {
    this.#handle = handle;
    this.#pids = pids;
    if (this.#limit !== null) handle.dropOutput?.();
    const { ms } = this.#limits;
    if (ms > 0) this.#callOff = onceReached(Math.min(since, this.#clock.now()) + ms, this.#clock, () => this.#stopStoring('time'));
  }

  /** Resolves with the limit that is reached, once. */
  get full(): Promise<LeftoverLimit> {
    return this.#full.promise;
  }

  /** How it is now. */
  get fact(): LeftoverFact {
    return { pids: this.#pids, limit: this.#limit, gone: false };
  }

  /** How many bytes of a piece are stored, from its beginning on; the rest is dropped. */
  take(channel: number, offset: number, length: number): number {
    if (this.#limit === 'time') return 0;
    const end = offset + length;
    const most = this.#limits.bytes === 0 ? end : this.#endOf(channel) + this.#limits.bytes - this.#others(channel);
    const taken = Math.max(0, Math.min(length, most - offset));
    this.#reached.set(channel, Math.max(offset + taken, this.#reached.get(channel) ?? 0));
    if (taken < length) this.#stopStoring('bytes');
    return taken;
  }

  /** Looks at the processes until it is over, and tells every change; resolves when the last look found none and nothing is stored any more. */
  async watch(tell: (fact: LeftoverFact) => Promise<void>): Promise<void> {
    const { signal } = this.#stop;
    const stopped = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    for (const pauses = new Backoff(LOOKS); !signal.aborted; ) {
      const pause = delay(pauses.next(), undefined, { signal, ref: false }).catch(() => undefined);
      await Promise.race([pause, stopped, ...(this.#told === null ? [this.full] : [])]);
      if (signal.aborted) return;
      const pids = (await this.#handle?.processes?.().catch(() => undefined)) ?? this.#pids;
      if (signal.aborted) return;
      const changed = String([...pids].sort()) !== String([...this.#pids].sort());
      this.#pids = pids;
      if (this.#told !== null && pids.length === 0) return;
      if (!changed && this.#told === this.#limit) continue;
      this.#told = this.#limit;
      await tell(this.fact);
    }
  }

  /** It is over, or let go of. */
  end(): void {
    this.#callOff();
    this.#stop.abort();
  }

  #endOf(channel: number): number {
    return this.#ends.get(channel) ?? 0;
  }

  /** Bytes of the other channels since the end. */
  #others(channel: number): number {
    let sum = 0;
    for (const [other, reached] of this.#reached) if (other !== channel) sum += Math.max(0, reached - this.#endOf(other));
    return sum;
  }

  #stopStoring(limit: LeftoverLimit): void {
    if (this.#limit !== null || this.#stop.signal.aborted) return;
    this.#limit = limit;
    this.#handle?.dropOutput?.();
    this.#full.resolve(limit);
  }
}
