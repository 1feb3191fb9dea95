import { closeSync, fdatasync, openSync } from 'node:fs';
import type { LogWatcher } from './channels.ts';

/** Bytes of output after which the write-ahead log is brought to the disk beside the thread that writes. */
const STEP_BYTES = 4 * 1024 * 1024;

/**
 * Brings the write-ahead log to the disk while output comes, off the thread that writes. A change of status waits until
 * everything before it is on the disk (SPEC {#durability}): after 40 MB of output that would hold the server up for 30 ms.
 */
export class LogSync implements LogWatcher {
  readonly #file: string;
  readonly #next: LogWatcher | undefined;
  #fd: number | undefined;
  #bytes = 0;
  #syncing = false;
  #closed = false;

  /** @param file - the write-ahead log; `next` hears of everything as well */
  constructor(file: string, next: LogWatcher | undefined) {
    this.#file = file;
    this.#next = next;
  }

  wrote(bytes: number): void {
    this.#next?.wrote(bytes);
    this.#bytes += bytes;
    if (this.#bytes < STEP_BYTES || this.#syncing) return;
    this.#bytes = 0;
    this.#syncing = true;
    // After the commit that is under way. What fails here fails again, and reported, where a caller waits for it.
    setImmediate(() => {
      this.sync()
        .catch(() => {})
        .finally(() => {
          this.#syncing = false;
        });
    });
  }

  room(): Promise<void> | undefined {
    return this.#next?.room();
  }

  /** Resolves when everything that has been committed is on the disk, in the log or, by a checkpoint, in the database. */
  sync(): Promise<void> {
    return new Promise((resolve, reject) => {
      // The file stays the same while the database is open, and SQLite has no lock on it that closing it could lose.
      if (this.#closed) throw new Error('the store is closed');
      this.#fd ??= openSync(this.#file, 'r');
      fdatasync(this.#fd, (error) => {
        if (error) reject(error);
        else resolve();
      });
    });
  }

  /** Closes the file; a sync that is under way fails or succeeds without effect on anything else. */
  close(): void {
    this.#closed = true;
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }
}
