import type { Clock } from '../core/clock.ts';
import { slices } from '../core/slice-turns.ts';
import type { LogWatcher } from './channels.ts';
import type { Connection } from './connection.ts';
import { type CopiedFiles, FileCopies } from './file-copies.ts';
import { CopyStatements, RunCopy } from './run-copy.ts';

/** Longest that one slice goes on (milliseconds), and the bytes that it copies at the most; the commit takes about as long again. */
const SLICE_MS = 4;
/** The same of the first slice: a run that it suffices for is copied before anything else is done. */
const FIRST_SLICE_MS = 8;
const SLICE_BYTES = 512 * 1024;
/** What a slice takes in the write-ahead log beside the bytes that are counted, about. */
const SLICE_OVERHEAD_BYTES = 128 * 1024;

/** Tells of every change of an entry, also of one that is taken back; only there while a run is copied. */
const TRIGGERS: Readonly<Record<string, string>> = {
  copied_entry_added: 'after insert on entries begin select copied_changed(new.run_id, new.id); end',
  copied_entry_changed: 'after update on entries begin select copied_changed(new.run_id, new.id); end',
  copied_entry_removed: 'after delete on entries begin select copied_changed(old.run_id, old.id); end',
  copied_producer_added: 'after insert on producers begin select copied_changed(run_id, id) from entries where id = new.entry_id; end',
  copied_producer_changed: 'after update on producers begin select copied_changed(run_id, id) from entries where id = new.entry_id; end',
};

/** What a copy waits for, beside its turns. */
interface Log extends LogWatcher {
  /** Resolves when everything that has been committed is on the disk. */
  sync(): Promise<void>;
}

/**
 * Copies runs in slices, each a short transaction, one on a turn of the event loop whatever the number of copies
 * (SPEC {#no_pause}, {#run_fork}). A copy that is not finished is the row of a run that no caller sees; what becomes of no copy, also
 * when the process ends, is deleted like a deleted run.
 */
export class RunCopies {
  readonly #db: Connection;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #files: FileCopies;
  readonly #removed: () => void;
  readonly #underWay = new Set<RunCopy>();
  #statements: CopyStatements | undefined;
  #closed = false;

  /** `removed` is called when there are rows to delete. */
  constructor(db: Connection, options: { clock: Clock; log: Log; files: CopiedFiles; removed: () => void }) {
    this.#db = db;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#files = new FileCopies(db, options.files);
    this.#removed = options.removed;
    db.define('copied_changed', (run, entry) => {
      for (const copy of this.#underWay) if (copy.from === run) copy.changed(entry);
    });
  }

  /** Runs that are being made, whose rows are to be left alone. */
  underWay(): number[] {
    return [...this.#underWay].map(({ id }) => id);
  }

  /**
   * Copies a run and returns what `whole` returns, which is called as soon as the copy holds all that the run holds: for a small
   * run before this returns. `reveal` lets everybody see the copy, within the open transaction, and returns its number; when it is
   * not called, or that transaction fails, there is no copy.
   */
  async make<T>(
    from: number,
    o: { maxBytes: number; madeWith?: string | null },
    whole: (reveal: (alias: string) => number) => T,
  ): Promise<T> {
    this.#statements ??= new CopyStatements(this.#db);
    const copy = new RunCopy(this.#statements, { ...o, files: this.#files, from, now: this.#clock.now() });
    this.#begin(copy);
    try {
      if (!this.#slice(copy, FIRST_SLICE_MS)) {
        await this.#slices(copy);
        // Beside this thread: what makes the copy visible waits for all of it to be on the disk.
        await Promise.all([this.#log.sync(), copy.sync()]);
        await this.#slices(copy);
      }
      return whole((alias) => {
        copy.reveal(alias, this.#clock.now());
        return copy.id;
      });
    } finally {
      this.#end(copy);
    }
  }

  /** Ends all copies; those that go on do so no more. */
  close(): void {
    this.#closed = true;
  }

  async #slices(copy: RunCopy): Promise<void> {
    do {
      await this.#log.room();
      await slices.next();
    } while (!this.#slice(copy, SLICE_MS));
  }

  /** True when the copy is whole. */
  #slice(copy: RunCopy, ms: number): boolean {
    if (this.#closed) throw new Error('the store is closed');
    return this.#db.transaction('fast', () => {
      const bytes = copy.slice(performance.now() + ms, SLICE_BYTES);
      this.#log.wrote((bytes ?? 0) + SLICE_OVERHEAD_BYTES);
      return bytes === undefined;
    });
  }

  #begin(copy: RunCopy): void {
    if (this.#underWay.size === 0)
      for (const [name, what] of Object.entries(TRIGGERS)) this.#db.exec(`create temp trigger ${name} ${what}`);
    this.#underWay.add(copy);
  }

  #end(copy: RunCopy): void {
    this.#underWay.delete(copy);
    if (this.#closed) return;
    if (this.#underWay.size === 0) for (const name of Object.keys(TRIGGERS)) this.#db.exec(`drop trigger temp.${name}`);
    this.#removed();
  }
}
