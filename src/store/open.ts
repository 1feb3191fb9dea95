import { writeFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import { MIGRATIONS } from '../../migrations/index.ts';
import type { Clock } from '../core/clock.ts';
import { openFailure } from './failures.ts';
import { migrate } from './migrate.ts';

/** How long a statement waits for another connection's lock, such as a checkpoint's (milliseconds). */
const BUSY_MS = 5000;
const PAGE_BYTES = 8192;

/**
 * Opens the database file, made with mode 0600 when there is none, and brings it to the present schema. Throws
 * `forbidden`, `conflict`, `overloaded` or `internal` with the file and what to do.
 */
export async function openDatabase(file: string, clock: Clock): Promise<Database.Database> {
  let db: Database.Database | undefined;
  try {
    writeFileSync(file, '', { flag: 'a', mode: 0o600 });
    db = new Database(file, { timeout: BUSY_MS });
    // The page size holds for a new file only, and must come before the write-ahead log.
    db.pragma(`page_size = ${PAGE_BYTES}`);
    // Likewise: only a database made so can give the space of what was deleted back (SPEC {#run_delete}).
    db.pragma('auto_vacuum = incremental');
    db.pragma('journal_mode = wal');
    db.pragma('foreign_keys = on');
    db.pragma('synchronous = full');
    await migrate(db, MIGRATIONS, clock, file);
    return db;
  } catch (error) {
    db?.close();
    throw openFailure(error, file);
  }
}
