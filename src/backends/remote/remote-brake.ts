import { messageOf } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import { ask } from './ask.ts';
import type { Follower } from './follower.ts';
import { LOOK_SH } from './look-sh.ts';
import { placeArgs, type RemotePlace } from './place-of-producer.ts';
import type { ShellHost } from './shell-host.ts';

/** As process/brake.ts: bytes written and not stored above which a command is stopped, and below which it goes on (SPEC {#back_pressure}). */
const STOP_BYTES = 16 * 1024 * 1024;
const GO_BYTES = 4 * 1024 * 1024;
/** After so many bytes of output, or after so long without room for more, the host is asked how much there is. */
const LOOK_BYTES = 8 * 1024 * 1024;
const STALLED_MS = 250;

/**
 * Holds a command over there back that writes faster than its output can be fetched and stored. The host is asked how
 * much it has while output comes in masses, or cannot be stored; never for a command that writes little.
 */
export class RemoteBrake {
  readonly #host: ShellHost;
  readonly #place: RemotePlace;
  readonly #follower: Follower;
  readonly #logger: Logger;
  readonly #ended: (words: readonly string[]) => void;
  #on = false;
  #lookedAt: number;
  #looking = false;
  #released = false;
  #timer: NodeJS.Timeout | undefined;

  /** `ended` is called with the words of an exit that is seen: where output is stuck, what the follower is told is stuck behind it. */
  constructor(host: ShellHost, place: RemotePlace, follower: Follower, logger: Logger, ended: (words: readonly string[]) => void) {
    this.#host = host;
    this.#place = place;
    this.#follower = follower;
    this.#logger = logger;
    this.#ended = ended;
    this.#lookedAt = follower.received;
  }

  /** The group is stopped already, by the server before this one: looked at, at once. */
  isStopped(): void {
    this.#on = true;
    void this.#look();
  }

  /** Something was stored, or has come. */
  progress(): void {
    if (this.#released || this.#looking) return;
    if (this.#follower.received - this.#lookedAt >= LOOK_BYTES) void this.#look();
    else if (this.#follower.stalled || this.#on) {
      this.#timer ??= setTimeout(() => {
        this.#timer = undefined;
        if (this.#follower.stalled || this.#on) void this.#look();
      }, STALLED_MS);
    }
  }

  /** Lets go for good: the command has ended, or is being killed. */
  release(): void {
    this.#released = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  async #look(): Promise<void> {
    if (this.#looking || this.#released) return;
    this.#looking = true;
    try {
      const lag = await this.#ask('none');
      const on = this.#follower.stalled && this.#on ? true : this.#on ? lag >= GO_BYTES : lag > STOP_BYTES;
      if (on !== this.#on && !this.#released) {
        await this.#ask(on ? 'STOP' : 'CONT');
        this.#on = on;
        const facts = { host: this.#host.name, producer: this.#place.producerId, lag };
        this.#logger.debug(facts, on ? 'the command waits until what it wrote can be stored' : 'the command goes on');
      }
    } catch (error) {
      this.#logger.debug({ host: this.#host.name, error: messageOf(error) }, 'the lag of a command cannot be judged now');
    } finally {
      this.#looking = false;
      this.progress();
    }
  }

  /** Bytes that are over there and not stored here. */
  async #ask(action: 'none' | 'STOP' | 'CONT'): Promise<number> {
    this.#lookedAt = this.#follower.received;
    const told = action === 'none' && !this.#follower.stalled ? await this.#follower.sizes() : undefined;
    const sizes = told ?? (await this.#askApart(action));
    const stored = this.#follower.stored();
    const { bases } = this.#follower;
    return sizes.reduce((sum, size, index) => sum + size + (bases[index] ?? 0) - (stored[index] ?? 0), 0);
  }

  /** By a run of its own: what the follower is told stands behind the output that there is no room for. */
  async #askApart(action: 'none' | 'STOP' | 'CONT'): Promise<readonly number[]> {
    const [words = [], exit] = await ask(this.#host, LOOK_SH, [...placeArgs(this.#place), action]);
    if (exit) this.#ended(exit.slice(1));
    return words.slice(1).map(Number);
  }
}
