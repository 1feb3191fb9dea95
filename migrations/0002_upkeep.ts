import { type Kysely, sql } from 'kysely';

/** What lets a store be used for years: runs deleted step by step, and events of no run that are not kept for ever. */
export async function up(db: Kysely<unknown>): Promise<void> {
  // A run at once out of sight, whose rows are deleted in small steps afterwards.
  await db.schema.alterTable('runs').addColumn('deleted_at', 'integer').execute();
  await sql`create index runs_deleted on runs (id) where deleted_at is not null`.execute(db);
  for (const name of ['loops', 'turns', 'entries']) {
    await sql`create trigger ${sql.ref(`${name}_of_deleted_run`)} before insert on ${sql.table(name)}
      when exists (select 1 from runs where id = new.run_id and deleted_at is not null)
      begin
        select raise(abort, 'run_deleted');
      end`.execute(db);
  }
  // Events of no run with this sequence number or a smaller one may be gone.
  await db.schema
    .alterTable('projects')
    .addColumn('trimmed_to', 'integer', (c) => c.notNull().defaultTo(0))
    .execute();
  await sql`create index events_unbound on events (at) where run_id is null`.execute(db);
}
