import type { Kysely } from 'kysely';

/** Which folder the database lies in, and of which it was a copy. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('store_identity').addColumn('folder', 'text').execute();
  await db.schema.alterTable('store_identity').addColumn('copied_from', 'text').execute();
  await db.schema.alterTable('store_identity').addColumn('copied_at', 'integer').execute();
}
