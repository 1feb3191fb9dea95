import { createHash } from 'node:crypto';
import type { Database } from 'better-sqlite3';
import { DummyDriver, Kysely, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from 'kysely';
import type { Migration } from '../../migrations/index.ts';
import type { Clock } from '../core/clock.ts';
import { HeadgateError } from '../core/errors.ts';

/** A migration, read as the SQL statements that it emits, in order. */
export interface RecordedMigration {
  readonly number: number;
  readonly name: string;
  readonly statements: readonly string[];
  /** SHA-256 of the statements, in hex. */
  readonly checksum: string;
}

/** Runs a migration against a database that executes nothing and records the statements. */
export async function recordMigration({ number, name, up }: Migration): Promise<RecordedMigration> {
  const statements: string[] = [];
  const notebook = new Kysely<unknown>({
    dialect: {
      createAdapter: () => new SqliteAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (db) => new SqliteIntrospector(db),
      createQueryCompiler: () => new SqliteQueryCompiler(),
    },
    log: ({ level, query }) => {
      if (level === 'error' || query.parameters.length > 0) throw new Error(`migration ${number} emits a statement with parameters`);
      statements.push(query.sql);
    },
  });
  await up(notebook);
  return { number, name, statements, checksum: createHash('sha256').update(JSON.stringify(statements)).digest('hex') };
}

interface Applied {
  readonly number: number;
  readonly name: string;
  readonly checksum: string;
}

/**
 * Brings a database to the last of `migrations`, all missing ones in one transaction (SPEC {#migrations}). Throws
 * `conflict`, with nothing changed, for a database of a newer version, one that other migrations have made, and
 * one that belongs to another program.
 */
export async function migrate(db: Database, migrations: readonly Migration[], clock: Clock, file: string): Promise<void> {
  const recorded = await Promise.all(migrations.map(recordMigration));
  const applied = appliedMigrations(db, file);
  for (const { number, name, checksum } of applied) {
    const known = recorded.find((one) => one.number === number);
    if (!known) {
      throw new HeadgateError(
        'conflict',
        `${file} was written by a newer Headgate (its migration ${number} "${name}" is unknown here); install that version, or start with another --data folder`,
        { file, migration: number },
      );
    }
    if (known.checksum !== checksum) {
      throw new HeadgateError(
        'conflict',
        `migration ${number} "${name}" of ${file} is not the one of this program; install the version that wrote it, or start with another --data folder`,
        { file, migration: number },
      );
    }
  }
  const missing = recorded.slice(applied.length);
  if (missing.length === 0) return;
  db.transaction(() => {
    db.exec(
      'create table if not exists schema_migrations (number integer primary key, name text not null, checksum text not null, applied_at integer not null) strict',
    );
    const note = db.prepare('insert into schema_migrations (number, name, checksum, applied_at) values (?, ?, ?, ?)');
    for (const { number, name, statements, checksum } of missing) {
      for (const statement of statements) db.exec(statement);
      note.run(number, name, checksum, clock.now());
    }
  }).exclusive();
}

/** When a database was made, milliseconds. */
export function madeAt(db: Database): number {
  return db.prepare<[], number>('select applied_at from schema_migrations order by number limit 1').pluck().get() ?? 0;
}

/** What the database says was applied, in order; nothing for a new one. */
function appliedMigrations(db: Database, file: string): Applied[] {
  const tables = db.prepare<[], string>("select name from sqlite_schema where type = 'table'").pluck().all();
  if (tables.includes('schema_migrations')) {
    return db.prepare<[], Applied>('select number, name, checksum from schema_migrations order by number').all();
  }
  if (tables.length === 0) return [];
  throw new HeadgateError('conflict', `${file} is a database of another program; start with another --data folder`, { file });
}
