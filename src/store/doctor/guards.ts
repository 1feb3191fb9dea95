import type { Database } from 'better-sqlite3';

const TRIGGER = 'entries_transition';

/**
 * Runs a change of an entry's state that the table of states does not have: it says what may happen to a sound record, and this one
 * is not. The trigger that enforces it is away for the length of `work`, in the same transaction.
 */
export function unguarded(db: Database, work: () => void): void {
  const source = db.prepare<[string], string>("select sql from sqlite_schema where type = 'trigger' and name = ?").pluck().get(TRIGGER);
  if (source !== undefined) db.exec(`drop trigger ${TRIGGER}`);
  work();
  if (source !== undefined) db.exec(source);
}
