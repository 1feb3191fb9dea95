import { mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Backoff } from '../../core/backoff.ts';
import type { Clock } from '../../core/clock.ts';
import { messageOf, systemCode } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import { replaceFile } from '../../core/whole-file.ts';
import type { SshPlace } from '../../model/place.ts';
import { PRODUCER_ID } from '../../model/producer-id.ts';
import { ask } from './ask.ts';
import { placeArgs } from './place-of-producer.ts';
import { REMOVE_SH } from './remove-sh.ts';
import { isGone, type ShellHost } from './shell-host.ts';

/** Pauses before a folder that could not be removed is tried again, milliseconds: the first, and the longest. */
const RETRY = { firstMs: 10_000, longestMs: 3_600_000 };
/** How long a host may be unreachable before its folders are given up (milliseconds). */
const GIVE_UP_MS = 30 * 24 * 3_600_000;
/** Most folders that are retried at a time; the others are tried again at the next start. */
const MAX_WAITING = 1000;

export interface LeftBehindOptions {
  /** Folder with a small file for each producer that has a folder on another host. */
  readonly folder: string;
  readonly hostOf: (place: SshPlace) => ShellHost;
  /** As for RemoteProducers. */
  readonly root?: string;
  readonly runner: () => string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The first pause, milliseconds. */
  readonly retryMs?: number;
}

interface Left {
  readonly ssh: SshPlace;
  /** Its producer is over: the folder is to be removed. */
  readonly due: boolean;
}

/**
 * Removes the folders that this runner's producers have on other hosts (SPEC {#spool_sweep}). A folder whose host cannot be
 * reached is removed when the host is back, also by the next server on the same data folder.
 */
export class LeftBehind {
  readonly #options: LeftBehindOptions;
  readonly #waiting = new Map<string, NodeJS.Timeout>();

  constructor(options: LeftBehindOptions) {
    this.#options = options;
  }

  /** Notes that a producer is about to be started there. If the disk is full it is started all the same, without a note. */
  begin(producerId: string, ssh: SshPlace): void {
    try {
      this.#write(producerId, { ssh, due: false });
    } catch (error) {
      const facts = { producer: producerId, host: ssh.host, error: messageOf(error) };
      this.#options.logger.warn(facts, 'it cannot be noted that a command has a folder on another host');
    }
  }

  /** Forgets a producer whose folder has been removed, or was never made. */
  forget(producerId: string): void {
    clearTimeout(this.#waiting.get(producerId));
    this.#waiting.delete(producerId);
    rmSync(this.#file(producerId), { force: true });
  }

  /** Removes the folder later: it could not be removed now. */
  later(producerId: string): void {
    const left = this.#read(producerId);
    if (!left) return;
    if (!left.due) this.#write(producerId, { ...left, due: true });
    this.#wait(producerId, this.#pauses());
  }

  /**
   * Removes, at the start, the folders that an earlier server or runner has left. `keep`: the producers that are live; if undefined,
   * only folders already due for removal. Resolves when every host was tried once.
   */
  async sweep(keep: ReadonlySet<string> | undefined): Promise<void> {
    for (const producerId of this.#list()) {
      const left = this.#read(producerId);
      if (!left || (keep ? keep.has(producerId) : !left.due)) continue;
      if (!left.due) this.#write(producerId, { ...left, due: true });
      await this.#remove(producerId, this.#pauses());
    }
  }

  #pauses(): Backoff {
    const { firstMs, longestMs } = RETRY;
    return new Backoff({ firstMs: this.#options.retryMs ?? firstMs, longestMs });
  }

  #wait(producerId: string, pauses: Backoff): void {
    if (this.#waiting.has(producerId) || this.#waiting.size >= MAX_WAITING) return;
    const timer = setTimeout(() => {
      this.#waiting.delete(producerId);
      void this.#remove(producerId, pauses);
    }, pauses.next());
    timer.unref();
    this.#waiting.set(producerId, timer);
  }

  async #remove(producerId: string, pauses: Backoff): Promise<void> {
    const { hostOf, root = '', runner, logger } = this.#options;
    const left = this.#read(producerId);
    if (!left) return;
    const host = hostOf(left.ssh);
    const facts = { producer: producerId, host: host.name };
    try {
      const [[word] = []] = await ask(host, REMOVE_SH, [...placeArgs({ root, runner: runner(), producerId }), 'idle']);
      if (word !== 'done') return this.#wait(producerId, pauses);
      this.forget(producerId);
      logger.info(facts, 'a left-over producer folder on another host is removed');
    } catch (error) {
      if (isGone(error)) return this.forget(producerId);
      if (this.#ageMs(producerId) > GIVE_UP_MS) {
        logger.warn({ ...facts, error: messageOf(error) }, 'a left-over producer folder stays on a host that has been away for too long');
        return this.forget(producerId);
      }
      logger.debug({ ...facts, error: messageOf(error), pauseMs: pauses.nextMs }, 'a left-over producer folder cannot be removed now');
      this.#wait(producerId, pauses);
    }
  }

  #ageMs(producerId: string): number {
    const made = statSync(this.#file(producerId), { throwIfNoEntry: false })?.mtimeMs;
    return made === undefined ? 0 : this.#options.clock.now() - made;
  }

  #list(): string[] {
    try {
      return readdirSync(this.#options.folder).filter((name) => PRODUCER_ID.test(name));
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return [];
      throw error;
    }
  }

  #read(producerId: string): Left | undefined {
    try {
      return JSON.parse(readFileSync(this.#file(producerId), 'utf8')) as Left;
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  #write(producerId: string, left: Left): void {
    mkdirSync(this.#options.folder, { recursive: true, mode: 0o700 });
    replaceFile(this.#file(producerId), JSON.stringify(left));
  }

  #file(producerId: string): string {
    return join(this.#options.folder, producerId);
  }
}
