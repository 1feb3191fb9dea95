import { messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { Store } from '../model/ports/store.ts';
import { LIVE_STATES } from '../model/status.ts';
import type { Journal } from '../stream/index.ts';

/** Pause before a notice that could not be stored is tried again (milliseconds). */
const RETRY_MS = 1000;

/**
 * Tells people with `ui/notify` what has become of the disk (SPEC {#free_space}, {#disk_full}): every project whose
 * commands run at that moment. Stored first, like all that is told; on a full disk it is tried until it can be stored.
 */
export class DiskNotices {
  readonly #store: Pick<Store, 'producers' | 'runs'>;
  readonly #journal: Journal;
  readonly #logger: Logger;
  /** Projects that know of the present trouble. */
  readonly #low = new Set<number>();
  readonly #full = new Set<number>();
  readonly #waiting: { readonly projectId: number; readonly level: string; readonly text: string }[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(options: { store: Pick<Store, 'producers' | 'runs'>; journal: Journal; logger: Logger }) {
    this.#store = options.store;
    this.#journal = options.journal;
    this.#logger = options.logger;
  }

  /** Less is free than should be, or enough again. */
  space({ low, freeBytes }: { low: boolean; freeBytes: number }): void {
    const mib = Math.floor(freeBytes / 1024 / 1024);
    if (low) this.#begin(this.#low, `the disk is nearly full (${mib} MiB free): commands that write wait; free some space and they go on`);
    else this.#end(this.#low, 'the disk has space again: commands go on');
  }

  /** The database cannot be written, or can be again. */
  full(full: boolean): void {
    const text = 'the disk of the data folder is full or failing: commands wait and nothing is lost; free some space and they go on';
    if (full) this.#begin(this.#full, text);
    else this.#end(this.#full, 'the disk of the data folder takes data again: commands go on');
  }

  /** Forgets what could not be told. */
  close(): void {
    clearTimeout(this.#timer);
    this.#waiting.length = 0;
  }

  #begin(told: Set<number>, text: string): void {
    for (const { runId } of this.#store.producers.list({ states: LIVE_STATES })) {
      const projectId = this.#store.runs.byId(runId)?.projectId;
      if (projectId !== undefined) told.add(projectId);
    }
    this.#tell(told, 'warn', text);
  }

  /** Runs that were told that it began are told that it is over, also when their commands have ended meanwhile. */
  #end(told: Set<number>, text: string): void {
    this.#tell(told, 'info', text);
    told.clear();
  }

  #tell(projects: ReadonlySet<number>, level: 'info' | 'warn', text: string): void {
    for (const projectId of projects) this.#waiting.push({ projectId, level, text });
    if (this.#timer === undefined) this.#deliver();
  }

  #deliver(): void {
    this.#timer = undefined;
    try {
      for (let next = this.#waiting[0]; next; next = this.#waiting[0]) {
        const { projectId, level, text } = next;
        this.#journal.commit('durable', (tx) => void tx.event(projectId, null, 'ui/notify', { run: null, level, text }));
        this.#waiting.shift();
      }
    } catch (error) {
      this.#logger.debug({ error: messageOf(error) }, 'a notice about the disk could not be stored; it is tried again');
      this.#timer = setTimeout(() => this.#deliver(), RETRY_MS).unref();
    }
  }
}
