import type { Kysely } from 'kysely';

/** The projects that a token is bound to; those that were made before have none. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('tokens').addColumn('projects', 'text').execute();
}
