import Database from 'better-sqlite3';
import type { ProducerSpec } from '../model/records.ts';

/** A producer that has not ended, or has left processes running, as it stands in the database of a server that does not run. */
export interface LiveProducer {
  readonly entryId: number;
  readonly createdAt: number;
  readonly run: string;
  readonly path: string;
  readonly project: string;
  readonly backend: string;
  readonly runner: string;
  readonly spec: ProducerSpec;
}

/** Producers that have not ended, oldest first. Opens the file read-only and waits for no lock. Throws when it cannot be read. */
export function readLive(file: string): LiveProducer[] {
  const db = new Database(file, { readonly: true, fileMustExist: true });
  try {
    return db
      .prepare<[], Omit<LiveProducer, 'spec'> & { spec: string }>(
        `select entry_id as entryId, producers.created_at as createdAt, alias as run, entries.path as path, projects.name as project,
          backend, runner, spec
        from producers join entries on entries.id = producers.entry_id join runs on runs.id = entries.run_id
          join projects on projects.id = runs.project_id
        where (producers.state in ('queued', 'running', 'cancelling') or producers.leftover is not null and producers.leftover_gone_at is null)
          and runs.deleted_at is null order by entry_id`,
      )
      .all()
      .map((row) => ({ ...row, spec: JSON.parse(row.spec) as ProducerSpec }));
  } finally {
    db.close();
  }
}
