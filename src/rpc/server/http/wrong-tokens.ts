import type { IncomingMessage } from 'node:http';
import { systemClock } from '../../../core/clock.ts';
import { HeadgateError, isHeadgateError } from '../../../core/errors.ts';
import type { CallerLimits } from '../../../model/caller-limits.ts';
import { carriesToken, type Grant, isLoopbackHost } from '../access.ts';

const MINUTE_MS = 60_000;
/** Addresses that are remembered; beyond them the oldest is forgotten. */
const MAX_ADDRESSES = 10_000;

/** Wrong tokens by the address that they come from (SPEC {#caller_limits}). Programs of this machine share theirs, so those are not counted. */
export class WrongTokens {
  readonly #limit: number;
  readonly #addresses = new Map<string, { count: number; readonly since: number }>();

  constructor({ wrongTokens }: Pick<CallerLimits, 'wrongTokens'>) {
    this.#limit = wrongTokens;
  }

  /** What `admit` returns for a request from there. Throws what it throws, and `overloaded` without asking it beyond the limit. */
  watched(request: IncomingMessage, address: string, admit: () => Grant): Grant {
    if (this.#limit === 0 || isLoopbackHost(address)) return admit();
    const now = systemClock.monotonic();
    const known = this.#addresses.get(address);
    const current = known && now - known.since < MINUTE_MS ? known : undefined;
    if (current && current.count >= this.#limit) {
      throw new HeadgateError(
        'overloaded',
        `${this.#limit} wrong tokens have come from ${address} within a minute; wait until it is over`,
        {
          retry_after_ms: Math.ceil(current.since + MINUTE_MS - now),
        },
      );
    }
    try {
      return admit();
    } catch (error) {
      if (isHeadgateError(error, 'unauthenticated') && carriesToken(request)) {
        this.#addresses.delete(address);
        this.#addresses.set(address, { count: (current?.count ?? 0) + 1, since: current?.since ?? now });
        const [oldest] = this.#addresses.keys();
        if (this.#addresses.size > MAX_ADDRESSES && oldest !== undefined) this.#addresses.delete(oldest);
      }
      throw error;
    }
  }
}
