import type { Clock } from '../core/clock.ts';
import type { Store } from '../model/ports/store.ts';
import { masked, type Range, type Redaction, Scanner } from '../redact/index.ts';
import { channelProducer } from './channels.ts';

interface Channel {
  readonly scanner: Scanner;
  ranges: Range[];
  possible: readonly Range[];
  /** When bytes came last. */
  freshAt: number;
}

/** The part of the waiting bytes that may be stored now, with its secrets masked. */
export interface Storable {
  readonly bytes: Buffer;
  /** How long the rest may still wait for further bytes (milliseconds); undefined without a rest. */
  readonly waitMs: number | undefined;
}

/** Masks output before it is stored, where the configuration says so (SPEC {#redaction_stored}). */
export class StoredMasks {
  readonly #store: Store;
  readonly #redaction: Redaction;
  readonly #clock: Clock;
  readonly #channels = new Map<number, Channel>();

  constructor(options: { store: Store; redaction: Redaction; clock: Clock }) {
    this.#store = options.store;
    this.#redaction = options.redaction;
    this.#clock = options.clock;
  }

  /**
   * Returns the part of `waiting` that may be stored now. `waiting` begins at `offset`, the stored length of the channel. `end` is `all`
   * when the caller does not wait for further bytes, `ended` when there are none.
   */
  take(entryId: number, offset: number, waiting: Buffer, end: 'more' | 'all' | 'ended'): Storable {
    const channel = this.#channel(entryId, offset);
    const { scanner } = channel;
    // The bytes that were held back before have been scanned already.
    const fresh = waiting.subarray(Math.max(0, scanner.end - offset));
    const { ranges, possible } = scanner.push(fresh, end === 'ended');
    channel.ranges = [...channel.ranges, ...ranges].filter(({ to }) => to > offset);
    channel.possible = possible;
    const decided = Math.max(0, Math.min(waiting.length, scanner.decided - offset));
    const now = this.#clock.monotonic();
    if (fresh.length > 0) channel.freshAt = now;
    const waitMs = this.#redaction.holdMs - (now - channel.freshAt);
    if (decided === waiting.length || end !== 'more' || waitMs <= 0) {
      return { bytes: masked(waiting, [...channel.ranges, ...channel.possible], offset), waitMs: undefined };
    }
    return { bytes: masked(waiting.subarray(0, decided), channel.ranges, offset), waitMs };
  }

  /** Forgets a channel; the next call for it scans its stored bytes again. */
  forget(entryId: number): void {
    this.#channels.delete(entryId);
  }

  #channel(entryId: number, offset: number): Channel {
    const known = this.#channels.get(entryId);
    if (known) return known;
    const matcher = this.#redaction.matcher(channelProducer(this.#store, entryId)?.spec.env);
    const start = Math.max(0, offset - matcher.reach);
    const scanner = new Scanner(matcher, start);
    // A masked byte counts as a byte of every kind of secret, so a secret that continues is recognised by its masked beginning.
    scanner.push(this.#store.channels.read(entryId, start, offset - start));
    const channel: Channel = { scanner, ranges: [], possible: [], freshAt: this.#clock.monotonic() };
    this.#channels.set(entryId, channel);
    return channel;
  }
}
