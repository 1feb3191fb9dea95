import type { Clock } from '../../core/clock.ts';
import { messageOf } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type { TokenStore } from '../../model/ports/store.ts';

/** A use is noted again after so long (milliseconds): calls of a busy client cost no commit each. */
const NOTED_MS = 60_000;

/** Notes when a token was last used, to the minute (SPEC {#tokens}). */
export class TokenUse {
  readonly #tokens: Pick<TokenStore, 'used'>;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #noted = new Map<string, number>();

  constructor(options: { tokens: Pick<TokenStore, 'used'>; clock: Clock; logger: Logger }) {
    this.#tokens = options.tokens;
    this.#clock = options.clock;
    this.#logger = options.logger;
  }

  /** A call or a connection came with the token of this name. Never throws: nobody is refused for a full disk. */
  used(name: string): void {
    const now = this.#clock.now();
    if (Math.abs(now - (this.#noted.get(name) ?? 0)) < NOTED_MS) return;
    try {
      if (this.#tokens.used(name, now)) this.#noted.set(name, now);
    } catch (error) {
      this.#logger.warn({ token: name, error: messageOf(error) }, 'the use of a token could not be noted');
    }
  }

  /** The name may be another token's from now on. */
  forget(name: string): void {
    this.#noted.delete(name);
  }
}
