import type { Kysely } from 'kysely';

/** Rules that were taken back stay on record, and where a remembered one comes from. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable('permissions')
    .addColumn('via', 'text', (c) => c.notNull().defaultTo(''))
    .execute();
  await db.schema.alterTable('permissions').addColumn('removed_by', 'text').execute();
  await db.schema.alterTable('permissions').addColumn('removed_at', 'integer').execute();
}
