import type { Clock } from '../../../core/clock.ts';
import { HeadgateError } from '../../../core/errors.ts';
import { whenSettled } from '../../../core/slice-turns.ts';
import type { CallerLimits } from '../../../model/caller-limits.ts';
import type { Grant } from '../access.ts';

/** Time of one turn of the event loop that calls may take together (milliseconds). */
const TURN_MS = 4;
/** What one call counts at most where the next is chosen (milliseconds): the thread may have waited for a processor meanwhile, and a ping is not to pay for that. */
const COUNTED_MS = 4;
/** How much of the time that a token has used is forgotten in a second: the share of the thread that it may have for long. */
const SHARE = 0.25;
/** When a token whose clients do not read their responses should try again (milliseconds). */
const TAKE_MS = 200;

/** Time that was used, less what has been forgotten up to `at`. */
interface Usage {
  usedMs: number;
  at: number;
}

/** What the connections of one token have used. */
interface TokenUsage extends Usage {
  /** Calls in the second that began at `secondAt`. */
  calls: number;
  secondAt: number;
  readonly waiters: Set<Waiter>;
}

/** One connection that has something to begin. */
export interface Waiter {
  readonly grant: Grant;
  /** Bytes of responses that were sent and have not been read. */
  heldBytes(): number;
  /** Begins what is next; false when nothing is left. */
  next(): boolean;
}

/**
 * Whose calls are begun when: no connection keeps the others waiting, however much it asks for (SPEC {#no_pause}). One call begins after the other,
 * each when what follows from the one before is done, until the calls of this turn of the event loop have had their time. The connection goes
 * first that has used least lately: one that asks for little comes before those that always have something.
 */
export class Turns {
  readonly #clock: Clock;
  readonly #limits: CallerLimits;
  readonly #tokens = new Map<string, TokenUsage>();
  /** What each connection has used, on a scale on which those that ask for nothing keep up with the one that goes next (milliseconds). */
  readonly #own = new Map<Waiter, number>();
  /** Where on that scale the one was that went last. */
  #at = 0;
  readonly #waiting = new Set<Waiter>();
  /** When the first call of this turn began. */
  #began: number | undefined;
  /** A call has begun, and what follows from it without waiting for anything is not over yet. */
  #busy = false;

  constructor(clock: Clock, limits: CallerLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** A connection has come. */
  join(waiter: Waiter): void {
    const usage = this.#tokens.get(waiter.grant.name) ?? {
      usedMs: 0,
      at: this.#clock.monotonic(),
      calls: 0,
      secondAt: 0,
      waiters: new Set(),
    };
    this.#tokens.set(waiter.grant.name, usage);
    usage.waiters.add(waiter);
    this.#own.set(waiter, this.#at);
  }

  /** It has gone. What it used counts for as long as its token does. */
  leave(waiter: Waiter): void {
    this.#waiting.delete(waiter);
    this.#own.delete(waiter);
    this.#usageOf(waiter)?.waiters.delete(waiter);
    for (const [name, one] of this.#tokens) if (one.waiters.size === 0 && this.#decayed(one) === 0) this.#tokens.delete(name);
  }

  /** There is something to begin: now, or when its turn comes. */
  ready(waiter: Waiter): void {
    this.#waiting.add(waiter);
    this.#next();
  }

  /**
   * Refuses a call where its token has made as many as it may in a second; not the operator's.
   *
   * @throws `overloaded` with `retry_after_ms`
   */
  count({ grant }: Waiter): void {
    const { calls } = this.#limits;
    const usage = grant.scope === 'admin' || calls === 0 ? undefined : this.#tokens.get(grant.name);
    if (!usage) return;
    const now = this.#clock.monotonic();
    if (now - usage.secondAt >= 1000) [usage.calls, usage.secondAt] = [0, now];
    if (++usage.calls <= calls) return;
    throw new HeadgateError('overloaded', `token "${grant.name}" has made ${calls} calls in a second; make fewer at a time`, {
      retry_after_ms: Math.ceil(usage.secondAt + 1000 - now),
    });
  }

  /**
   * Refuses a call that only reads where its token has had its share. The operator's own connections have all there is.
   *
   * @throws `overloaded` with `retry_after_ms`
   */
  admit({ grant }: Waiter): void {
    if (grant.scope === 'admin') return;
    const usage = this.#tokens.get(grant.name);
    if (!usage) return;
    const { callMs, answerBytes } = this.#limits;
    const over = this.#decayed(usage) - callMs;
    if (callMs > 0 && over > 0) {
      throw new HeadgateError(
        'overloaded',
        `the calls of token "${grant.name}" have used more than ${callMs} ms of the server; ask for less at a time`,
        {
          retry_after_ms: Math.ceil(over / SHARE),
          limited: 'caller',
        },
      );
    }
    const held = answerBytes === 0 ? 0 : [...usage.waiters].reduce((sum, waiter) => sum + waiter.heldBytes(), 0);
    if (answerBytes > 0 && held > answerBytes) {
      throw new HeadgateError('overloaded', `${held} bytes of responses wait for clients of token "${grant.name}"; read them first`, {
        retry_after_ms: TAKE_MS,
        limited: 'caller',
      });
    }
  }

  /** So much of the thread went into a connection. */
  used(waiter: Waiter, ms: number): void {
    const usage = this.#usageOf(waiter);
    if (usage) usage.usedMs = this.#decayed(usage) + ms;
    const own = this.#own.get(waiter);
    if (own !== undefined) this.#own.set(waiter, Math.max(own, this.#at) + Math.min(ms, COUNTED_MS));
  }

  #usageOf({ grant }: Waiter): TokenUsage | undefined {
    return this.#tokens.get(grant.name);
  }

  #decayed(usage: Usage | undefined): number {
    if (!usage) return 0;
    const now = this.#clock.monotonic();
    usage.usedMs = Math.max(0, usage.usedMs - (now - usage.at) * SHARE);
    usage.at = now;
    return usage.usedMs;
  }

  /** Begins the next call, unless one is under way or the calls of this turn have had their time. The first of them begins it. */
  #next(): void {
    if (this.#busy) return;
    const waiter = this.#first();
    if (!waiter) return;
    const began = this.#clock.monotonic();
    if (this.#began === undefined) {
      this.#began = began;
      setImmediate(() => this.#turn());
    }
    if (began - this.#began > TURN_MS) return;
    this.#waiting.delete(waiter);
    this.#at = Math.max(this.#at, this.#own.get(waiter) ?? 0);
    this.#busy = true;
    try {
      if (waiter.next()) this.#waiting.add(waiter);
    } finally {
      // What follows from it is redacted, written and sent: then it is known what it has used.
      whenSettled(() => this.#over(waiter, this.#clock.monotonic() - began));
    }
  }

  #over(waiter: Waiter, tookMs: number): void {
    this.#busy = false;
    if (tookMs > 0) this.used(waiter, tookMs);
    this.#next();
  }

  /** Of those that wait the one that has used least since it last had nothing to ask for, and of several the one whose token has. */
  #first(): Waiter | undefined {
    let first: { waiter: Waiter; own: number; token: number } | undefined;
    for (const waiter of this.#waiting) {
      const own = Math.max(this.#at, this.#own.get(waiter) ?? 0);
      if (first && own > first.own) continue;
      const token = this.#decayed(this.#usageOf(waiter));
      if (!first || own < first.own || token < first.token) first = { waiter, own, token };
    }
    return first?.waiter;
  }

  #turn(): void {
    this.#began = undefined;
    this.#next();
  }
}
