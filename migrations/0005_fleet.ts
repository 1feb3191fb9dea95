import type { Kysely } from 'kysely';

/** Whose each runner is, which runs it takes, and its version. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable('runners')
    .addColumn('owner', 'text', (c) => c.notNull().defaultTo(''))
    .execute();
  await db.schema
    .alterTable('runners')
    .addColumn('runs', 'text', (c) => c.notNull().defaultTo('[]'))
    .execute();
  await db.schema
    .alterTable('runners')
    .addColumn('version', 'text', (c) => c.notNull().defaultTo(''))
    .execute();
}
