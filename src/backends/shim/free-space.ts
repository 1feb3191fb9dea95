import { statfs } from 'node:fs/promises';
import { messageOf } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';

/** Between two looks at the file system (milliseconds). */
const LOOK_MS = 250;
/** The floor when none is asked for: this, or this part of the file system, whichever is smaller. */
const FLOOR_BYTES = 256 * 1024 * 1024;
const FLOOR_PART = 100;
/** Commands go on when this many times the floor is free. */
const ENOUGH = 1.25;

/** What is told of the disk. */
export interface SpaceFact {
  /** True below the floor, false when there is enough again. */
  readonly low: boolean;
  readonly freeBytes: number;
  readonly floorBytes: number;
}

/**
 * Looks how much of a file system is free, for as long as a caller wants to know: once in 250 ms for all producers of a
 * backend (SPEC {#free_space}). `low` has a hysteresis, so that commands are not stopped and continued all the time.
 */
export class FreeSpace {
  readonly #folder: string;
  readonly #floorBytes: number | undefined;
  readonly #told: (fact: SpaceFact) => void;
  readonly #logger: Logger;
  readonly #watchers = new Set<() => void>();
  #timer: NodeJS.Timeout | undefined;
  #looking = false;
  #failed = false;
  #low = false;

  /** `floorBytes`: 0 for none, undefined for the smaller of 256 MiB and 1 % of the file system. `told` hears of every change. */
  constructor(options: {
    folder: string;
    floorBytes?: number | undefined;
    told?: ((fact: SpaceFact) => void) | undefined;
    logger: Logger;
  }) {
    this.#folder = options.folder;
    this.#floorBytes = options.floorBytes;
    this.#told = options.told ?? (() => {});
    this.#logger = options.logger;
  }

  /** True while less than the floor is free. */
  get low(): boolean {
    return this.#low;
  }

  /** Calls back at every look at which space is low, and at the first at which it no longer is. Returns how to leave. */
  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher);
    if (this.#floorBytes !== 0 && this.#watchers.size === 1) {
      this.#keepLooking();
      void this.#look();
    }
    return () => {
      this.#watchers.delete(watcher);
      this.#keepLooking();
    };
  }

  /** Looks on for those who watch; without them only until space is no longer low, which must not be believed for ever. */
  #keepLooking(): void {
    const watched = this.#watchers.size > 0;
    if (!watched && !this.#low) {
      clearInterval(this.#timer);
      this.#timer = undefined;
      return;
    }
    this.#timer ??= setInterval(() => void this.#look(), LOOK_MS);
    // The process is not kept alive for that alone.
    if (watched) this.#timer.ref();
    else this.#timer.unref();
  }

  async #look(): Promise<void> {
    // A look at a file system that hangs must not pile up others.
    if (this.#looking) return;
    this.#looking = true;
    try {
      const { bsize, blocks, bavail } = await statfs(this.#folder);
      this.#failed = false;
      this.#judge(bavail * bsize, this.#floorBytes ?? Math.min(FLOOR_BYTES, Math.floor((blocks * bsize) / FLOOR_PART)));
    } catch (error) {
      if (!this.#failed) this.#logger.warn({ folder: this.#folder, error: messageOf(error) }, 'the free space of the disk is not known');
      this.#failed = true;
    } finally {
      this.#looking = false;
      if (this.#watchers.size === 0) this.#keepLooking();
    }
  }

  #judge(freeBytes: number, floorBytes: number): void {
    const was = this.#low;
    this.#low = freeBytes < (was ? floorBytes * ENOUGH : floorBytes);
    if (this.#low !== was) {
      const facts = { folder: this.#folder, freeBytes, floorBytes };
      if (this.#low) this.#logger.warn(facts, 'the disk is nearly full; commands that write wait until there is space');
      else this.#logger.info(facts, 'the disk has space again; commands go on');
      this.#told({ low: this.#low, freeBytes, floorBytes });
    }
    if (this.#low || was) for (const watcher of [...this.#watchers]) watcher();
  }
}
