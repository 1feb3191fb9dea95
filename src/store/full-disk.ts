import { randomBytes } from 'node:crypto';
import { rmSync, statfsSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';

/** Space kept back for recording that the disk is full. */
const RESERVE_BYTES = 1024 * 1024;
/** Free bytes, the reserve not counted, from which on the disk counts as usable again. */
const ENOUGH_BYTES = 8 * 1024 * 1024;
/** For so long no write may have failed before it counts as usable: longer than any pause between two attempts of a delivery (milliseconds). */
const QUIET_MS = 3000;
const LOOK_MS = 500;

/**
 * Notices that the disk takes no more and when it does again (SPEC {#disk_full}). A file beside the database keeps some
 * space back; the first failure gives it up, so that the little that has to be said then can be stored.
 */
export class FullDisk {
  readonly #reserve: string;
  readonly #logger: Logger;
  readonly #changed: (full: boolean) => void;
  #failedAt = 0;
  #timer: NodeJS.Timeout | undefined;

  /** `reserve`: the file that keeps space back. `changed` is called on a later microtask than the failure. */
  constructor(options: { reserve: string; logger: Logger; changed: (full: boolean) => void }) {
    this.#reserve = options.reserve;
    this.#logger = options.logger;
    this.#changed = options.changed;
    this.#keep();
  }

  /** A transaction failed for want of space, or for a disk error. */
  failed(error: unknown): void {
    this.#failedAt = performance.now();
    if (this.#timer) return;
    rmSync(this.#reserve, { force: true });
    this.#logger.error(
      { error: messageOf(error) },
      'the disk of the data folder is full or failing; nothing can be stored until that is mended',
    );
    this.#timer = setInterval(() => this.#look(), LOOK_MS).unref();
    queueMicrotask(() => this.#changed(true));
  }

  /** True while the disk is full and has little more than the reserve held: that is for what people ask for, such as a cancel. */
  isTight(): boolean {
    return this.#timer !== undefined && freeBytes(this.#reserve) < 2 * RESERVE_BYTES;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    if (performance.now() - this.#failedAt < QUIET_MS || !this.#keep()) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#logger.info({}, 'the disk of the data folder takes data again');
    this.#changed(false);
  }

  /** Makes the reserve; false when there is not enough space for it and for more. */
  #keep(): boolean {
    try {
      if (statSync(this.#reserve, { throwIfNoEntry: false })?.size === RESERVE_BYTES) return true;
      if (freeBytes(this.#reserve) < ENOUGH_BYTES + RESERVE_BYTES) return false;
      // Not zeros: some file systems store those in no space at all.
      writeFileSync(this.#reserve, randomBytes(RESERVE_BYTES), { mode: 0o600 });
      return true;
    } catch {
      rmSync(this.#reserve, { force: true });
      return false;
    }
  }
}

function freeBytes(file: string): number {
  const { bavail, bsize } = statfsSync(dirname(file));
  return bavail * bsize;
}
