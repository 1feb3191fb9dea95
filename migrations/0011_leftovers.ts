import { type Kysely, sql } from 'kysely';

/** What runs on of a command whose main process has ended: what is known of it, and when the last of it had gone. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('producers').addColumn('leftover', 'text').execute();
  await db.schema.alterTable('producers').addColumn('leftover_gone_at', 'integer').execute();
  await sql`create index producers_leftover on producers (entry_id) where leftover is not null and leftover_gone_at is null`.execute(db);
}
