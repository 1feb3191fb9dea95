import { open } from 'node:fs/promises';
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
  #bytes = 0;
  #syncing = false;

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
    // After the commit that is under way. What fails here fails again, and is told, where somebody waits for it.
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
  async sync(): Promise<void> {
    // SQLite has no lock on this file that opening and closing it could lose.
    const log = await open(this.#file, 'r');
    try {
      await log.datasync();
    } finally {
      await log.close();
    }
  }
}
