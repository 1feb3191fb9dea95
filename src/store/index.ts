import { dirname, resolve } from 'node:path';
import type { Database } from 'better-sqlite3';
import type { Clock } from '../core/clock.ts';
import { messageOf } from '../core/errors.ts';
import { type Logger, silentLogger } from '../core/logger.ts';
import type { Store } from '../model/ports/store.ts';
import { SqliteAudit } from './audit.ts';
import { SqliteChannels } from './channels.ts';
import { Checkpointer } from './checkpoint.ts';
import { Connection, type Durability } from './connection.ts';
import { SqliteEntries } from './entries.ts';
import { SqliteEvents } from './events.ts';
import { lockDataFolder } from './lock.ts';
import { SqliteLoops } from './loops.ts';
import { SqliteModels } from './models.ts';
import { openDatabase } from './open.ts';
import { SqliteProducers } from './producers.ts';
import { SqliteProjects } from './projects.ts';
import { SqliteRunners } from './runners.ts';
import { SqliteRuns } from './runs.ts';
import { SqliteTurns } from './turns.ts';

/** Pages of write-ahead log after which a commit checkpoints by itself, when no thread does. */
const INLINE_CHECKPOINT_PAGES = 4096;

export interface StoreOptions {
  /** The database file; its folder is made when missing, and held for this process until `close`. */
  readonly file: string;
  readonly clock: Clock;
  readonly logger?: Logger;
  /** False: no checkpoint thread, commits do it themselves now and then. True when left out. */
  readonly checkpoint?: boolean;
}

/**
 * Opens the store on a SQLite file. Throws `conflict` when another process holds the folder (SPEC {#data_lock}) or the
 * file is of another version (SPEC {#migrations}), `forbidden` without permission, `internal` for a damaged file.
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  const file = resolve(options.file);
  const release = lockDataFolder(dirname(file), { pid: process.pid, startedAt: options.clock.now() });
  try {
    const db = await openDatabase(file, options.clock);
    return new SqliteStore({
      db,
      file,
      release,
      clock: options.clock,
      logger: options.logger ?? silentLogger,
      checkpoint: options.checkpoint ?? true,
    });
  } catch (error) {
    release();
    throw error;
  }
}

class SqliteStore implements Store {
  readonly projects: SqliteProjects;
  readonly models: SqliteModels;
  readonly runs: SqliteRuns;
  readonly loops: SqliteLoops;
  readonly turns: SqliteTurns;
  readonly entries: SqliteEntries;
  readonly channels: SqliteChannels;
  readonly producers: SqliteProducers;
  readonly runners: SqliteRunners;
  readonly events: SqliteEvents;
  readonly audit: SqliteAudit;
  readonly #db: Database;
  readonly #connection: Connection;
  readonly #checkpointer: Checkpointer | undefined;
  readonly #release: () => void;
  readonly #logger: Logger;
  #closing: Promise<void> | undefined;

  constructor(o: { db: Database; file: string; release: () => void; clock: Clock; logger: Logger; checkpoint: boolean }) {
    const inline = () => o.db.pragma(`wal_autocheckpoint = ${INLINE_CHECKPOINT_PAGES}`);
    this.#db = o.db;
    this.#release = o.release;
    this.#logger = o.logger;
    if (o.checkpoint) {
      o.db.pragma('wal_autocheckpoint = 0');
      this.#checkpointer = new Checkpointer({ file: o.file, logger: o.logger, died: inline });
    } else {
      inline();
    }
    const connection = new Connection(o.db, this.#checkpointer);
    this.#connection = connection;
    this.projects = new SqliteProjects(connection);
    this.models = new SqliteModels(connection);
    this.runs = new SqliteRuns(connection, o.clock);
    this.loops = new SqliteLoops(connection, o.clock);
    this.turns = new SqliteTurns(connection, o.clock);
    this.entries = new SqliteEntries(connection, o.clock);
    this.channels = new SqliteChannels(connection);
    this.producers = new SqliteProducers(connection, o.clock);
    this.runners = new SqliteRunners(connection, o.clock);
    this.events = new SqliteEvents(connection, o.clock);
    this.audit = new SqliteAudit(connection, o.clock);
  }

  transaction<T>(durability: Durability, work: () => T): T {
    return this.#connection.transaction(durability, work);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    try {
      await this.#checkpointer?.close();
      this.#db.pragma('wal_checkpoint(truncate)');
    } catch (error) {
      // Nothing is lost: the next start reads the write-ahead log.
      this.#logger.warn({ error: messageOf(error) }, 'the last checkpoint failed');
    } finally {
      this.#db.close();
      this.#release();
    }
  }
}
