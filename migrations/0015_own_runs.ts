import { type Kysely, sql } from 'kysely';

/** Tokens that are bound to the runs made with them, and which such a token made a run; an event keeps it beyond its run. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('tokens').addColumn('own_runs', 'integer').execute();
  await db.schema.alterTable('runs').addColumn('made_with', 'text').execute();
  await db.schema.alterTable('events').addColumn('made_with', 'text').execute();
  await sql`create index runs_made_with on runs (made_with) where made_with is not null`.execute(db);
  await sql`create index events_made_with on events (made_with, seq) where made_with is not null`.execute(db);
}
