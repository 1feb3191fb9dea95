import { dirname, join, resolve } from 'node:path';
import type { Database } from 'better-sqlite3';
import type { Clock } from '../core/clock.ts';
import { messageOf } from '../core/errors.ts';
import { type Logger, silentLogger } from '../core/logger.ts';
import type { Store } from '../model/ports/store.ts';
import type { Run } from '../model/records.ts';
import { SqliteAgents } from './agents.ts';
import { SqliteAudit } from './audit.ts';
import { ChannelFileUpkeep } from './channel-file-upkeep.ts';
import { ChannelFiles, channelFolder } from './channel-files.ts';
import { ChannelMarks } from './channel-marks.ts';
import { recoverChannels } from './channel-recovery.ts';
import { SqliteChannels } from './channels.ts';
import { Checkpointer } from './checkpoint.ts';
import { Connection, type Durability } from './connection.ts';
import { SqliteDataFolder } from './data-folder.ts';
import { SqliteEntries } from './entries.ts';
import { SqliteEvents } from './events.ts';
import { SqliteFileConstraints } from './file-constraints.ts';
import { FullDisk } from './full-disk.ts';
import { lockDataFolder } from './lock.ts';
import { LogSync } from './log-sync.ts';
import { SqliteLoops } from './loops.ts';
import { madeAt } from './migrate.ts';
import { SqliteModels } from './models.ts';
import { openDatabase } from './open.ts';
import { SqlitePermissions } from './permissions.ts';
import { SqliteProducers } from './producers.ts';
import { SqliteProjects } from './projects.ts';
import { DEFAULT_RETENTION, type Retention } from './retention.ts';
import { RunCopies } from './run-copies.ts';
import { SqliteRunners } from './runners.ts';
import { SqliteRuns } from './runs.ts';
import { SqliteTokens } from './tokens.ts';
import { SqliteTurns } from './turns.ts';
import { Upkeep } from './upkeep.ts';

export { type DatabaseReport, examineDatabase, type Finding } from './doctor/index.ts';
export { isDiskFailure } from './failures.ts';
export { readLive } from './live.ts';
export { lockDataFolder } from './lock.ts';
export { snapshotDatabase } from './snapshot.ts';

/** Pages of write-ahead log after which a commit checkpoints by itself, when no thread does: 8 MiB at a time. */
const INLINE_CHECKPOINT_PAGES = 1024;

export interface StoreOptions {
  /** The database file; its folder is made when missing, and held for this process until `close`. */
  readonly file: string;
  readonly clock: Clock;
  readonly logger?: Logger;
  /** Told when the disk takes no more, and when it does again (SPEC {#disk_full}). */
  readonly diskFull?: (full: boolean) => void;
  /** False: no checkpoint thread, commits do it themselves now and then. True when left out. */
  readonly checkpoint?: boolean;
  /** Pause before a checkpoint thread that ended is started again, milliseconds; 1000 when left out (SPEC {#checkpoints}). */
  readonly checkpointRestartMs?: number;
  /** Retention of data that no client deletes; members that are left out have their defaults. */
  readonly retention?: Partial<Retention>;
  /** Deletes a run that retention has done with, and tells of it; when left out it is deleted and nobody is told. */
  readonly expire?: (run: Run) => void;
  /** Drops the output of a command that is kept no longer, by its log entry; without it none is dropped (SPEC {#output_retention}). */
  readonly dropOutput?: (entryId: number) => void;
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
      checkpointRestartMs: options.checkpointRestartMs,
      keep: { ...DEFAULT_RETENTION, ...options.retention },
      diskFull: options.diskFull ?? (() => {}),
      expire: options.expire,
      drop: options.dropOutput ?? (() => undefined),
    });
  } catch (error) {
    release();
    throw error;
  }
}

class SqliteStore implements Store {
  readonly madeAt: number;
  readonly projects: SqliteProjects;
  readonly models: SqliteModels;
  readonly fileConstraints: SqliteFileConstraints;
  readonly runs: SqliteRuns;
  readonly loops: SqliteLoops;
  readonly turns: SqliteTurns;
  readonly entries: SqliteEntries;
  readonly channels: SqliteChannels;
  readonly folder: SqliteDataFolder;
  readonly producers: SqliteProducers;
  readonly runners: SqliteRunners;
  readonly tokens: SqliteTokens;
  readonly permissions: SqlitePermissions;
  readonly events: SqliteEvents;
  readonly audit: SqliteAudit;
  readonly agents: SqliteAgents;
  readonly #log: LogSync;
  readonly #files: ChannelFiles;
  readonly #marks: ChannelMarks;
  readonly #fileUpkeep: ChannelFileUpkeep;
  readonly #db: Database;
  readonly #connection: Connection;
  readonly #checkpointer: Checkpointer | undefined;
  readonly #upkeep: Upkeep;
  readonly #copies: RunCopies;
  readonly #fullDisk: FullDisk;
  readonly #release: () => void;
  readonly #logger: Logger;
  #closing: Promise<void> | undefined;

  constructor(o: {
    db: Database;
    file: string;
    release: () => void;
    clock: Clock;
    logger: Logger;
    checkpoint: boolean;
    checkpointRestartMs: number | undefined;
    diskFull: (full: boolean) => void;
    keep: Retention;
    expire: ((run: Run) => void) | undefined;
    drop: (entryId: number) => void;
  }) {
    const inline = (yes: boolean) => void o.db.pragma(`wal_autocheckpoint = ${yes ? INLINE_CHECKPOINT_PAGES : 0}`);
    this.#db = o.db;
    this.madeAt = madeAt(o.db);
    this.#release = o.release;
    this.#logger = o.logger;
    if (o.checkpoint) {
      inline(false);
      this.#checkpointer = new Checkpointer({ file: o.file, logger: o.logger, inline, restartMs: o.checkpointRestartMs });
    } else {
      inline(true);
    }
    this.#fullDisk = new FullDisk({ reserve: join(dirname(o.file), 'reserve'), logger: o.logger, changed: o.diskFull });
    const connection = new Connection(o.db, this.#checkpointer, this.#fullDisk);
    this.#connection = connection;
    this.projects = new SqliteProjects(connection);
    this.models = new SqliteModels(connection);
    this.fileConstraints = new SqliteFileConstraints(connection, o.clock);
    const expire = (id: number) => {
      const run = this.runs.byId(id);
      if (run && o.expire) o.expire(run);
      else if (run) this.runs.remove(id);
    };
    const removed = () => this.#upkeep.wake();
    this.#log = new LogSync(`${o.file}-wal`, this.#checkpointer);
    this.#files = new ChannelFiles(channelFolder(o.file));
    recoverChannels(connection, this.#files, o.logger);
    this.#fileUpkeep = new ChannelFileUpkeep(connection, this.#files, o.logger);
    this.#marks = new ChannelMarks(connection, this.#files, o.logger, (file) => this.#fileUpkeep.settled(file));
    this.channels = new SqliteChannels(connection, this.#marks, this.#log);
    const discard = (file: string) => this.#fileUpkeep.discard(file);
    const files = {
      link: (file: string, entryId: number) => this.#files.linkAgain(file, entryId),
      syncNames: () => this.#files.syncNames(),
      discard,
      channels: this.channels,
    };
    this.#copies = new RunCopies(connection, { clock: o.clock, log: this.#log, files, removed });
    const copies = () => this.#copies.underWay();
    this.#upkeep = new Upkeep({ db: connection, clock: o.clock, logger: o.logger, keep: o.keep, expire, drop: o.drop, copies, discard });
    void this.#fileUpkeep.sweep();
    this.runs = new SqliteRuns(connection, o.clock, this.#copies, removed);
    this.loops = new SqliteLoops(connection, o.clock);
    this.turns = new SqliteTurns(connection, o.clock);
    this.entries = new SqliteEntries(connection, o.clock);
    this.folder = new SqliteDataFolder(connection, o.clock, dirname(o.file));
    this.producers = new SqliteProducers(connection, o.clock);
    this.runners = new SqliteRunners(connection, o.clock);
    this.tokens = new SqliteTokens(connection, o.clock);
    this.permissions = new SqlitePermissions(connection, o.clock);
    this.events = new SqliteEvents(connection, o.clock);
    this.audit = new SqliteAudit(connection, o.clock);
    this.agents = new SqliteAgents(connection);
  }

  transaction<T>(durability: Durability, work: () => T): T {
    return this.#connection.transaction(durability, work);
  }

  async persist(): Promise<void> {
    // Every commit is in the log until a checkpoint has synced it into the database file.
    await Promise.all([this.#log.sync(), this.channels.sync(this.#marks.growing())]);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#copies.close();
    this.#log.close();
    this.#upkeep.close();
    this.#fullDisk.close();
    await this.#fileUpkeep.close();
    this.#files.close();
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
