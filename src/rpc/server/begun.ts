import type { Clock } from '../../core/clock.ts';
import { HeadgateError } from '../../core/errors.ts';
import type { CallerLimits } from '../../model/caller-limits.ts';
import type { Store } from '../../model/ports/store.ts';
import type { Grant } from './access.ts';

/** How long a count is taken for true, and when a refused caller should try again (milliseconds). */
const COUNTED_MS = 200;

interface TokenBegun {
  readonly entries: Set<number>;
  /** Calls that are about to begin one. */
  pending: number;
  commands: number;
  proposals: number;
  countedAt: number;
}

/**
 * The commands that the clients of each token have begun, as far as they run or wait for an answer (SPEC {#caller_limits}). What they are at is
 * read from the store, and only where a limit seems to be reached.
 */
export class Begun {
  readonly #store: Pick<Store, 'entries'>;
  readonly #clock: Clock;
  readonly #limits: Pick<CallerLimits, 'commands' | 'proposals'>;
  readonly #tokens = new Map<string, TokenBegun>();

  constructor(options: { store: Pick<Store, 'entries'>; clock: Clock; limits: Pick<CallerLimits, 'commands' | 'proposals'> }) {
    this.#store = options.store;
    this.#clock = options.clock;
    this.#limits = options.limits;
  }

  /** Carries out `begin`, which begins a command. The operator may begin any number. Throws `overloaded` with `retry_after_ms`. */
  async one<T extends { readonly status: number }>(
    grant: Grant,
    begin: () => T | Promise<T>,
    entryOf: (begun: T) => number | undefined,
  ): Promise<T> {
    if (grant.scope === 'admin') return await begin();
    const begun = this.#tokens.get(grant.name) ?? { entries: new Set(), pending: 0, commands: 0, proposals: 0, countedAt: 0 };
    this.#tokens.set(grant.name, begun);
    this.#requireRoom(grant, begun);
    begun.pending++;
    try {
      const result = await begin();
      const entry = entryOf(result);
      if (entry === undefined || (result.status !== 202 && result.status !== 102)) return result;
      begun.entries.add(entry);
      begun[result.status === 202 ? 'proposals' : 'commands']++;
      return result;
    } finally {
      begun.pending--;
    }
  }

  #requireRoom({ name }: Grant, begun: TokenBegun): void {
    const { commands, proposals } = this.#limits;
    const isFull = () => begun.commands + begun.pending >= commands || begun.proposals + begun.pending >= proposals;
    if (isFull() && this.#clock.monotonic() - begun.countedAt >= COUNTED_MS) this.#count(begun);
    if (!isFull()) return;
    const what = begun.commands + begun.pending >= commands ? `${commands} commands run` : `${proposals} proposals wait`;
    throw new HeadgateError('overloaded', `${what} that clients of token "${name}" have begun; wait until some have ended`, {
      retry_after_ms: COUNTED_MS,
    });
  }

  #count(begun: TokenBegun): void {
    begun.countedAt = this.#clock.monotonic();
    [begun.commands, begun.proposals] = [0, 0];
    for (const id of begun.entries) {
      const status = this.#store.entries.byId(id)?.status;
      if (status === 202) begun.proposals++;
      else if (status === 100 || status === 102) begun.commands++;
      else begun.entries.delete(id);
    }
  }
}
