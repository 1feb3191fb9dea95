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
    if (low) this.#tell('warn', `the disk is nearly full (${mib} MiB free): commands that write wait; free some space and they go on`);
    else this.#tell('info', 'the disk has space again: commands go on');
  }

  /** The database cannot be written, or can be again. */
  full(full: boolean): void {
    if (full)
      this.#tell(
        'warn',
        'the disk of the data folder is full or failing: commands wait and nothing is lost; free some space and they go on',
      );
    else this.#tell('info', 'the disk of the data folder takes data again: commands go on');
  }

  /** Forgets what could not be told. */
  close(): void {
    clearTimeout(this.#timer);
    this.#waiting.length = 0;
  }

  #tell(level: 'info' | 'warn', text: string): void {
    const runs = new Set(this.#store.producers.list({ states: LIVE_STATES }).map(({ runId }) => runId));
    const projects = new Set([...runs].flatMap((runId) => this.#store.runs.byId(runId)?.projectId ?? []));
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
