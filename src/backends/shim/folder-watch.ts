import { type FSWatcher, watch } from 'node:fs';
import { messageOf } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';

/** Poll intervals: beside a watch, which may miss an event, and without a watch (milliseconds). */
const POLL_MS = 400;
const BLIND_POLL_MS = 25;

/** Calls back when something in a folder may have changed. */
export class FolderWatch {
  readonly #folder: string;
  readonly #changed: (name: string | null) => void;
  readonly #logger: Logger;
  #watcher: FSWatcher | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** `changed` gets the file's name, or null from the poll. */
  constructor(folder: string, changed: (name: string | null) => void, logger: Logger) {
    this.#folder = folder;
    this.#changed = changed;
    this.#logger = logger;
    try {
      this.#watcher = watch(folder, (_event, name) => changed(name));
      this.#watcher.on('error', (error) => this.#blind(error));
      this.#poll(POLL_MS);
    } catch (error) {
      this.#blind(error);
    }
  }

  /** Ends it; the callback is not called again. */
  close(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
    clearInterval(this.#timer);
  }

  /** The system has no inotify watches left, or the folder is gone. */
  #blind(error: unknown): void {
    this.close();
    this.#logger.warn(
      { folder: this.#folder, error: messageOf(error) },
      `output cannot be watched; looking every ${BLIND_POLL_MS} ms instead`,
    );
    this.#poll(BLIND_POLL_MS);
  }

  #poll(everyMs: number): void {
    this.#timer = setInterval(() => this.#changed(null), everyMs);
  }
}
