import { setImmediate as nextTick } from 'node:timers/promises';
import type { Clock } from '../core/clock.ts';
import { messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import { plainText } from '../core/plain-text.ts';

/** Looks at a quiet command come after a third of its quiet time, within these bounds (milliseconds). */
const LOOK_MS = { least: 1000, most: 10_000 } as const;
/** Characters of a prompt that are shown at most, and bytes at a channel's end in which it is sought. */
const PROMPT_CHARS = 200;
export const PROMPT_BYTES = 4096;

/** That a command waits for input: since when it has been silent, and what it said last without ending the line. */
export interface WaitingFact {
  readonly since: number;
  readonly prompt?: string;
}

interface Watched {
  /** When it last wrote something or was given input, and when it is looked at next (monotonic milliseconds). */
  heardAt: number;
  lookAt: number;
  waiting: boolean;
  /** It is not known. */
  unknown: boolean;
  /** The channel that it wrote to last, while this server knows of it. */
  channelId?: number | undefined;
}

/** The callbacks of the watch; a `changed` that throws is called again. */
export interface InputWatchHands {
  look(entryId: number): Promise<boolean | null>;
  /** It waits now, silent since that time, and wrote last to that channel; or, with null, it does no longer. */
  changed(entryId: number, since: number | null, channelId: number | undefined): void;
}

/**
 * Notices which live commands wait for input: those that have been silent for `quietMs` are looked at, the longer they are
 * silent the less often (SPEC {#waiting_for_input}). Nothing is looked at while a command writes.
 */
export class InputWatch {
  readonly #quietMs: number;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #hands: InputWatchHands;
  readonly #watched = new Map<number, Watched>();
  #timer: NodeJS.Timeout | undefined;
  #looking = false;

  /** `quietMs` 0: nothing is ever looked at. */
  constructor(options: { quietMs: number; clock: Clock; logger: Logger; hands: InputWatchHands }) {
    this.#quietMs = options.quietMs;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#hands = options.hands;
  }

  /** A command lives; `waiting`: it waited when the server went away. */
  follow(entryId: number, waiting: boolean): void {
    if (this.#quietMs === 0) return;
    const now = this.#clock.monotonic();
    this.#watched.set(entryId, { heardAt: now, lookAt: now + (waiting ? 0 : this.#quietMs), waiting, unknown: false });
    this.#timer ??= setInterval(() => void this.#lookAround(), Math.min(LOOK_MS.least, this.#quietMs)).unref();
  }

  /** It has written something to a channel, or, without one, taken input. */
  heard(entryId: number, channelId?: number): void {
    const watched = this.#watched.get(entryId);
    if (!watched) return;
    if (channelId !== undefined) watched.channelId = channelId;
    watched.heardAt = this.#clock.monotonic();
    if (!watched.waiting) return;
    watched.lookAt = watched.heardAt;
    // Not within the call that has just stored its output.
    setImmediate(() => this.#settle(entryId, watched, false));
  }

  /** It has ended. */
  forget(entryId: number): void {
    this.#watched.delete(entryId);
    if (this.#watched.size === 0) this.close();
  }

  /** Whether it waits, as far as is known; null when that is not known, or not watched. */
  of(entryId: number): boolean | null {
    const watched = this.#watched.get(entryId);
    return watched && !watched.unknown ? watched.waiting : null;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #lookAround(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      for (const [entryId, watched] of [...this.#watched]) {
        const now = this.#clock.monotonic();
        const quiet = now - watched.heardAt;
        if (now < watched.lookAt || (quiet < this.#quietMs && !watched.waiting)) continue;
        watched.lookAt = now + Math.min(LOOK_MS.most, Math.max(Math.min(LOOK_MS.least, this.#quietMs), quiet / 3));
        await this.#look(entryId, watched);
        // Many may be due at once, and a look takes a third of a millisecond.
        await nextTick();
      }
    } finally {
      this.#looking = false;
    }
  }

  async #look(entryId: number, watched: Watched): Promise<void> {
    const heard = watched.heardAt;
    let waits: boolean | null;
    try {
      waits = await this.#hands.look(entryId);
    } catch (error) {
      this.#logger.debug({ producer: entryId, error: messageOf(error) }, 'it cannot be seen now whether a command waits for input');
      return;
    }
    // It wrote something meanwhile: what was seen is no longer true.
    if (watched.heardAt !== heard) return;
    watched.unknown = waits === null;
    this.#settle(entryId, watched, waits === true);
  }

  #settle(entryId: number, watched: Watched, waiting: boolean): void {
    if (watched.waiting === waiting || this.#watched.get(entryId) !== watched) return;
    try {
      const silentMs = this.#clock.monotonic() - watched.heardAt;
      this.#hands.changed(entryId, waiting ? Math.round(this.#clock.now() - silentMs) : null, watched.channelId);
      watched.waiting = waiting;
    } catch (error) {
      this.#logger.warn(
        { producer: entryId, error: messageOf(error) },
        'that a command waits for input could not be stored; it is tried again',
      );
    }
  }
}

/** What the end of a channel says on a line that it has not ended; undefined when there is nothing to be read. */
export function promptIn(tail: Buffer): string | undefined {
  const text = plainText(tail.subarray(tail.lastIndexOf(10) + 1)).trim();
  return text === '' ? undefined : text.slice(-PROMPT_CHARS);
}
