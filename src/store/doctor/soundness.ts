import { statSync } from 'node:fs';
import type { Database } from 'better-sqlite3';
import { MIGRATIONS } from '../../../migrations/index.ts';
import { messageOf } from '../../core/errors.ts';
import { recordMigration } from '../migrate.ts';
import type { Problem } from './problem.ts';

/** Most problems of one kind that are listed one by one. */
const TOLD = 5;
/** Size of the write-ahead log from which on it is worth a word. */
const LONG_LOG_BYTES = 128 * 1024 * 1024;

/** What is wrong with the file as a database: then nothing in it is to be touched. */
export function damage(db: Database): Problem[] {
  let found: string[];
  try {
    found = db.prepare<[], string>('select * from pragma_integrity_check').pluck().all();
  } catch (error) {
    found = [messageOf(error)];
  }
  if (found.length === 1 && found[0] === 'ok') return [];
  const detail = `${found.slice(0, TOLD).join('; ')}${found.length > TOLD ? `; and ${found.length - TOLD} more` : ''}`;
  return [{ check: 'integrity', state: 'bad', detail: `the database is damaged (${detail}); restore it from a backup` }];
}

/** Whether the schema is this program's. Anything but the present one keeps the other checks away. */
export async function schema(db: Database): Promise<Problem[]> {
  const problem = (state: Problem['state'], detail: string): Problem[] => [{ check: 'schema', state, detail }];
  const tables = db.prepare<[], string>("select name from sqlite_schema where type = 'table'").pluck().all();
  if (tables.length === 0) return problem('note', 'the database is empty; the next start of the server makes its tables');
  if (!tables.includes('schema_migrations')) return problem('bad', 'the database belongs to another program; name another --data folder');
  const applied = db
    .prepare<[], { number: number; name: string; checksum: string }>('select number, name, checksum from schema_migrations order by number')
    .all();
  const known = await Promise.all(MIGRATIONS.map(recordMigration));
  for (const { number, name, checksum } of applied) {
    const own = known.find((one) => one.number === number);
    if (!own) return problem('bad', `a newer Headgate wrote the database (migration ${number} "${name}"); install that version`);
    if (own.checksum !== checksum) return problem('bad', `migration ${number} "${name}" is another one; install the version that wrote it`);
  }
  if (applied.length === known.length) return [];
  return problem('note', 'the database is of an earlier version; start the server once, which brings it up to date, then ask again');
}

/** Rows that point to rows which are gone. */
export function references(db: Database): Problem[] {
  const rows = db
    .prepare<[], { table: string; parent: string; rows: number }>(
      'select "table", parent, count(*) as rows from pragma_foreign_key_check group by 1, 2',
    )
    .all();
  return rows.map(({ table, parent, rows: count }) => ({
    check: 'references',
    state: 'bad',
    detail: `${count} rows of ${table} belong to ${parent} that are gone; restore the database from a backup`,
  }));
}

/** What takes space that it need not take. */
export function space(db: Database, file: string): Problem[] {
  const problems: Problem[] = [];
  const log = statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0;
  if (log > LONG_LOG_BYTES) {
    problems.push({ check: 'log', state: 'note', detail: `the write-ahead log has ${log} bytes; the next start of the server empties it` });
  }
  const deleted = db.prepare<[], number>('select count(*) from runs where deleted_at is not null').pluck().get() ?? 0;
  if (deleted > 0) {
    problems.push({ check: 'runs', state: 'note', detail: `${deleted} deleted runs still hold space; a running server frees it` });
  }
  return problems;
}

/** Whether the file can give space back (SPEC {#run_delete}); a database of an earlier version has to be rebuilt for that. */
export function canShrink(db: Database): boolean {
  return Number(db.pragma('auto_vacuum', { simple: true })) === 2;
}
