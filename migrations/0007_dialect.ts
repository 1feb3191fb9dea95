import type { Kysely } from 'kysely';

/** How a model calls tools; null: as its provider says. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('models').addColumn('dialect', 'text').execute();
}
