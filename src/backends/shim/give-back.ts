import { type FileHandle, open, stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type { HolePuncher } from './hole-puncher.ts';
import type { ProducerFolder } from './producer-folder.ts';

/** Stored bytes of one file that are given back at once: large, since each step is a process. */
export const STEP_BYTES = 64 * 1024 * 1024;
/** The same while the disk is nearly full. */
export const SMALL_STEP_BYTES = 1024 * 1024;
/** So many steps may be due before the command is stopped until they are done. */
const BEHIND_STEPS = 2;
/** Holes begin and end at multiples of it: a file system frees whole blocks. */
const BLOCK_BYTES = 4096;
/** Pause after a failure (milliseconds). */
const RETRY_MS = 1000;

/** How far the output of a channel is stored. */
export interface StoredOutput {
  readonly channel: number;
  /** The spool file. */
  readonly file: string;
  /** Channel offset of the file's first byte; not 0 once the command has truncated it, undefined before the first look. */
  readonly base: number | undefined;
  /** Channel offset up to which everything is stored. */
  readonly offset: number;
}

/**
 * Gives the stored part of a running command's spool files back to the file system, step by step (SPEC {#spool_space}).
 * Only what `persist` has put on the disk is punched: stored means committed, and a power cut may take the last commits,
 * which are then read from the spool again. A file that was truncated is left alone from then on: what was stored of it
 * is gone already, and its offsets are others.
 */
export class GiveBack {
  readonly #stored: () => readonly StoredOutput[];
  readonly #persist: () => Promise<void>;
  readonly #puncher: HolePuncher;
  readonly #folder: Pick<ProducerFolder, 'setGiven'>;
  readonly #logger: Logger;
  readonly #done: () => void;
  /** File -> how many of its first bytes are given back. */
  readonly #given = new Map<string, number>();
  /** Files of which a step is under way, and those of which the last one failed. */
  readonly #busy = new Set<string>();
  readonly #failing = new Set<string>();
  /** Files that have a second name: they are the log of their channel now, and nothing of them is given back (SPEC {#channel_files}). */
  readonly #shared = new Set<string>();
  #punching: Promise<unknown> | undefined;
  readonly #closing = new AbortController();

  /** `done` is called after each step. */
  constructor(options: {
    stored: () => readonly StoredOutput[];
    persist: () => Promise<void>;
    puncher: HolePuncher;
    folder: Pick<ProducerFolder, 'setGiven'>;
    logger: Logger;
    done: () => void;
  }) {
    this.#done = options.done;
    this.#stored = options.stored;
    this.#persist = options.persist;
    this.#puncher = options.puncher;
    this.#folder = options.folder;
    this.#logger = options.logger;
  }

  /** Begins a step for every file of which `stepBytes` more are stored. Waits for nothing and never throws. */
  look(stepBytes: number): void {
    if (!this.#puncher.works || this.#closing.signal.aborted) return;
    for (const { channel, file, base, offset } of this.#stored()) {
      const end = offset - (offset % BLOCK_BYTES);
      if (base !== 0 || this.#shared.has(file) || this.#busy.has(file) || end - this.#from(file) < stepBytes) continue;
      this.#busy.add(file);
      void this.#step(channel, file, end).finally(() => {
        this.#busy.delete(file);
        if (!this.#closing.signal.aborted) this.#done();
      });
    }
  }

  /**
   * True while a file has so much that could be given back that its command should wait for it. Never while giving back
   * fails: a command must not wait for what may not come.
   */
  behind(stepBytes: number): boolean {
    if (!this.#puncher.works || this.#closing.signal.aborted) return false;
    return this.#stored().some(
      ({ file, base, offset }) =>
        base === 0 && !this.#shared.has(file) && !this.#failing.has(file) && offset - this.#from(file) > BEHIND_STEPS * stepBytes,
    );
  }

  /** Begins nothing more; resolves when no process of it is there any more. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#punching;
  }

  #from(file: string): number {
    return this.#given.get(file) ?? 0;
  }

  async #step(channel: number, file: string, end: number): Promise<void> {
    let handle: FileHandle | undefined;
    try {
      if ((await stat(file)).nlink > 1) this.#shared.add(file);
      if (this.#shared.has(file)) return;
      await this.#persist();
      handle = await open(file, 'r');
      // Looked at last: a file that is shorter, or began again, holds other bytes now.
      const { size, nlink } = await handle.stat();
      if (nlink > 1) this.#shared.add(file);
      if (this.#shared.has(file)) return;
      const truncated = this.#stored().some((now) => now.file === file && now.base !== 0) || size < end;
      if (truncated || this.#closing.signal.aborted) return;
      const from = this.#from(file);
      // Recorded first: a reader that finds a hole must not take it for zeros that the command wrote.
      this.#folder.setGiven(channel, end);
      const punching = this.#puncher.punch(handle.fd, from, end - from);
      this.#punching = Promise.allSettled([this.#punching, punching]);
      if (await punching) this.#given.set(file, end);
      this.#failing.delete(file);
    } catch (error) {
      this.#failing.add(file);
      if (this.#closing.signal.aborted) return;
      this.#logger.debug({ file, error: messageOf(error) }, 'stored output cannot be given back now; it is tried again');
      await delay(RETRY_MS, undefined, { signal: this.#closing.signal }).catch(() => undefined);
    } finally {
      await handle?.close();
    }
  }
}
