import type { Statement } from 'better-sqlite3';
import { messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { Connection } from './connection.ts';
import { Deletions } from './deletions.ts';
import { type RetentionOptions, RetentionSteps } from './retention.ts';

/** Longest that one step goes on taking pieces, and the bytes of segments that it deletes at the most. */
const STEP_MS = 4;
const STEP_BYTES = 4 * 1024 * 1024;
/** Pages that one piece gives back to the file system. */
const VACUUM_PAGES = 16;
/** Free pages that are kept for what comes: giving back two MiB is not worth moving pages for. */
const SPARE_PAGES = 256;
/** Pauses (milliseconds): before the first step, between steps, between rounds, after a failure. */
const START_MS = 500;
const PAUSE_MS = 10;
const ROUND_MS = 10 * 60 * 1000;
const RETRY_MS = 5000;

/**
 * What is done beside everything else so that a store can be used for years: rows of deleted runs, calls and events that
 * are kept no longer, space given back (SPEC {#run_delete}, {#retention}). Each step is one short transaction on the
 * connection that writes, with a pause after it at least as long as the step: a writer waits for one of them at most.
 */
export class Upkeep {
  readonly #db: Connection;
  readonly #logger: Logger;
  readonly #deletions: Deletions;
  readonly #retention: RetentionSteps;
  readonly #freePages: Statement<[], number>;
  readonly #shrinks: boolean;
  #timer: NodeJS.Timeout | undefined;
  #failing = false;
  #closed = false;

  /** @param options - `discard` removes the file of a channel */
  constructor(options: RetentionOptions & { readonly discard: (file: string) => void }) {
    this.#db = options.db;
    this.#logger = options.logger;
    this.#deletions = new Deletions(options.db, options);
    this.#retention = new RetentionSteps(options);
    this.#freePages = options.db.prepare<[], number>('select freelist_count from pragma_freelist_count').pluck();
    // 2 is incremental. A database of an earlier version keeps its size and uses free pages again.
    this.#shrinks = options.db.prepare<[], number>('select auto_vacuum from pragma_auto_vacuum').pluck().get() === 2;
    this.#schedule(START_MS);
  }

  /** There is something to do now. */
  wake(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#schedule(PAUSE_MS);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #schedule(ms: number): void {
    if (!this.#closed) this.#timer ??= setTimeout(() => this.#tick(), ms).unref();
  }

  #tick(): void {
    this.#timer = undefined;
    const begun = performance.now();
    try {
      const more = this.#step();
      this.#failing = false;
      this.#schedule(more ? Math.max(PAUSE_MS, performance.now() - begun) : ROUND_MS);
    } catch (error) {
      if (!this.#failing) this.#logger.warn({ error: messageOf(error) }, 'cleaning up the database failed; it is tried again');
      this.#failing = true;
      this.#schedule(RETRY_MS);
    }
  }

  #step(): boolean {
    return this.#pieces(() => this.#deletions.piece()) || this.#retention.step() || this.#pieces(() => this.#shrink());
  }

  /** Takes pieces in one transaction until the step is full; false when there was none. */
  #pieces(piece: () => number | undefined): boolean {
    return this.#db.transaction('fast', () => {
      const until = performance.now() + STEP_MS;
      let taken = piece();
      const any = taken !== undefined;
      for (let bytes = 0; taken !== undefined && performance.now() < until; taken = piece()) {
        bytes += taken;
        if (bytes >= STEP_BYTES) break;
      }
      return any;
    });
  }

  /** Gives some free pages back; returns undefined when there are few. */
  #shrink(): number | undefined {
    if (!this.#shrinks || (this.#freePages.get() ?? 0) <= SPARE_PAGES) return undefined;
    this.#db.exec(`pragma incremental_vacuum(${VACUUM_PAGES})`);
    return 0;
  }
}
