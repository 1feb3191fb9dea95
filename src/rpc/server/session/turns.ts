import type { Clock } from '../../../core/clock.ts';
import { HeadgateError } from '../../../core/errors.ts';
import type { CallerLimits } from '../../../model/caller-limits.ts';
import type { Grant } from '../access.ts';

/** Time of one turn of the event loop that calls may take together (milliseconds). */
const TURN_MS = 4;
/** A call that took longer ends the turn of its connection (milliseconds). */
const LONG_MS = 2;
/** How much of the time that a token has used is forgotten in a second: the share of the thread that it may have for long. */
const SHARE = 0.25;
/** How much the last turn weighs in the average of what follows a call. */
const NEWEST = 0.25;
/** When a token whose clients do not read their responses should try again (milliseconds). */
const TAKE_MS = 200;

/** Time that was used, less what has been forgotten up to `at`. */
interface Usage {
  usedMs: number;
  at: number;
}

/** What the connections of one token have used. */
interface TokenUsage extends Usage {
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
 * Whose calls are begun when: no connection keeps the others waiting, however much it asks for (SPEC {#no_pause}). A connection that is not over
 * its turn begins at once; otherwise the connection goes first that has used least lately, and of those the one whose token has.
 */
export class Turns {
  readonly #clock: Clock;
  readonly #limits: CallerLimits;
  readonly #tokens = new Map<string, TokenUsage>();
  readonly #own = new Map<Waiter, Usage>();
  readonly #waiting = new Set<Waiter>();
  #began: number | undefined;
  /** What this turn has begun, and since when the thread is theirs. */
  #begun: Waiter[] = [];
  #since = 0;
  /** What follows a call once all of its turn have begun: it is redacted, written and sent (milliseconds). */
  #afterMs = 0;

  constructor(clock: Clock, limits: CallerLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** A connection has come. */
  join(waiter: Waiter): void {
    const usage = this.#tokens.get(waiter.grant.name) ?? { usedMs: 0, at: this.#clock.monotonic(), waiters: new Set() };
    this.#tokens.set(waiter.grant.name, usage);
    usage.waiters.add(waiter);
    this.#own.set(waiter, { usedMs: 0, at: this.#clock.monotonic() });
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
    if (this.#waiting.has(waiter)) return;
    if (this.#waiting.size > 0 || this.#isSpent() || this.#run(waiter)) this.#wait(waiter);
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
    for (const usage of [this.#usageOf(waiter), this.#own.get(waiter)]) if (usage) usage.usedMs = this.#decayed(usage) + ms;
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

  /** Begins what a connection has until its turn is over; true when something is left. */
  #run(waiter: Waiter): boolean {
    for (;;) {
      const began = this.#clock.monotonic();
      const more = waiter.next();
      const took = this.#clock.monotonic() - began;
      if (took > 0) this.used(waiter, took);
      this.#begun.push(waiter);
      if (!more) return false;
      if (took > LONG_MS || this.#isSpent()) return true;
    }
  }

  /** Whether the calls of this turn have had their time. The first to ask begins it. */
  #isSpent(): boolean {
    const now = this.#clock.monotonic();
    if (this.#began === undefined) {
      this.#began = now;
      setImmediate(() => this.#turn());
      // Comes right behind the turn, and behind what its calls go on with.
      setImmediate(() => this.#settle());
    }
    return now - this.#began + this.#begun.length * this.#afterMs > TURN_MS;
  }

  #wait(waiter: Waiter): void {
    this.#waiting.add(waiter);
    // The end of the turn calls those that wait.
    this.#isSpent();
  }

  /** Charges the connections of a turn with what came of their calls after all of them had begun. */
  #settle(): void {
    const begun = this.#begun;
    this.#begun = [];
    if (begun.length === 0) return;
    const each = Math.max(0, this.#clock.monotonic() - this.#since) / begun.length;
    this.#afterMs += (each - this.#afterMs) * NEWEST;
    for (const waiter of begun) this.used(waiter, each);
  }

  #turn(): void {
    this.#began = undefined;
    this.#begun = [];
    this.#since = this.#clock.monotonic();
    if (this.#waiting.size === 0) return;
    this.#isSpent();
    const round = [...this.#waiting].map((waiter) => ({
      waiter,
      token: this.#decayed(this.#usageOf(waiter)),
      own: Math.round(this.#decayed(this.#own.get(waiter))),
    }));
    round.sort((a, b) => a.own - b.own || a.token - b.token);
    for (const { waiter } of round) {
      this.#waiting.delete(waiter);
      if (this.#run(waiter)) this.#waiting.add(waiter);
      if (this.#isSpent()) break;
    }
    this.#since = this.#clock.monotonic();
  }
}
