import { readdir, stat, truncate, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay, setImmediate as nextTick } from 'node:timers/promises';
import type { Statement } from 'better-sqlite3';
import { isMissing, messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { ChannelFiles } from './channel-files.ts';
import type { Connection } from './connection.ts';

/** Bytes that are given back at once, and the pause after that (milliseconds): what waits for the disk meanwhile waits for one step. */
const STEP_BYTES = 8 * 1024 * 1024;
const PAUSE_MS = 10;
/** How long after the end of a channel its command is gone for sure, or served still (milliseconds). */
const GONE_MS = 15_000;

/**
 * Removes the files of channels that are gone, off the thread that writes and in steps: a file system frees a gigabyte in one go, and
 * every commit waits for it (SPEC {#run_delete}, {#channel_files}). What a process leaves undone the next one finds.
 */
export class ChannelFileUpkeep {
  readonly #files: ChannelFiles;
  readonly #logger: Logger;
  readonly #isNamed: Statement<[string], number>;
  readonly #ended: Statement<[], { file: string; bytes: number }>;
  readonly #endedOne: Statement<[string], number>;
  /** Files of channels that have ended a moment ago. */
  readonly #late = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  readonly #condemned = new Set<string>();
  readonly #closing = new AbortController();
  #work: Promise<void> | undefined;

  constructor(db: Connection, files: ChannelFiles, logger: Logger) {
    this.#files = files;
    this.#logger = logger;
    this.#isNamed = db.prepare<[string], number>('select 1 from channel_files where file = ?').pluck();
    const ended = 'from channel_files join entries on entries.id = entry_id where status <> 102';
    this.#ended = db.prepare(`select file, bytes ${ended}`);
    this.#endedOne = db.prepare<[string], number>(`select bytes ${ended} and file = ?`).pluck();
  }

  /** Removes a file whose row is deleted by the open transaction; where that is undone the file stays. */
  discard(file: string): void {
    this.#condemned.add(file);
    this.#begin();
  }

  /** Removes every file that no row names, and cuts off what a command wrote that was not stored any more. Call it once, after the start. */
  async sweep(): Promise<void> {
    let names: string[];
    try {
      names = await readdir(this.#files.folder);
    } catch (error) {
      if (!isMissing(error)) this.#failed(this.#files.folder, error);
      return;
    }
    if (this.#isClosed || names.length === 0) return;
    for (const name of names) if (this.#isNamed.get(name) === undefined) this.discard(name);
    for (const { file, bytes } of this.#ended.all()) await this.#cut(file, bytes);
  }

  /** The channel takes no more for now: what its command has written since, after a cancel for instance, is cut off once the command is gone. */
  settled(file: string): void {
    this.#late.add(file);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      const files = [...this.#late];
      this.#late.clear();
      for (const one of files) {
        const bytes = this.#endedOne.get(one);
        if (bytes !== undefined) void this.#cut(one, bytes);
      }
    }, GONE_MS).unref();
  }

  async #cut(file: string, bytes: number): Promise<void> {
    const found = this.#isClosed ? undefined : await this.#stat(file);
    // Of one that has a second name more may be wanted: a command writes it, or the channel of another run has it.
    if (found && found.nlink === 1 && found.size > bytes) await this.#shorten(file, found.size, bytes);
  }

  /** Stops; what is left is done after the next start. */
  async close(): Promise<void> {
    this.#closing.abort();
    clearTimeout(this.#timer);
    await this.#work;
  }

  get #isClosed(): boolean {
    return this.#closing.signal.aborted;
  }

  #begin(): void {
    this.#work ??= this.#all().finally(() => {
      this.#work = undefined;
      if (this.#condemned.size > 0 && !this.#isClosed) this.#begin();
    });
  }

  async #all(): Promise<void> {
    // After the transaction that is open now.
    await nextTick();
    for (const file of this.#condemned) {
      if (this.#isClosed) return;
      this.#condemned.delete(file);
      if (this.#isNamed.get(file) === undefined) await this.#remove(file);
    }
  }

  async #remove(file: string): Promise<void> {
    this.#files.forget(file);
    const found = await this.#stat(file);
    if (!found) return;
    // The other names keep the bytes.
    if (found.nlink === 1) await this.#shorten(file, found.size, 0);
    if (this.#isClosed) return;
    try {
      await unlink(this.#path(file));
    } catch (error) {
      if (!isMissing(error)) this.#failed(file, error);
    }
  }

  async #shorten(file: string, size: number, bytes: number): Promise<void> {
    try {
      for (let left = size; left > bytes && !this.#isClosed; ) {
        left = Math.max(bytes, left - STEP_BYTES);
        await truncate(this.#path(file), left);
        if (left > bytes) await delay(PAUSE_MS, undefined, { signal: this.#closing.signal }).catch(() => undefined);
      }
    } catch (error) {
      if (!isMissing(error)) this.#failed(file, error);
    }
  }

  async #stat(file: string): Promise<{ nlink: number; size: number } | undefined> {
    try {
      return await stat(this.#path(file));
    } catch (error) {
      if (!isMissing(error)) this.#failed(file, error);
      return undefined;
    }
  }

  #failed(file: string, error: unknown): void {
    this.#logger.warn({ file, error: messageOf(error) }, 'a file of a channel cannot be removed now; the next start tries again');
  }

  #path(file: string): string {
    return join(this.#files.folder, file);
  }
}
