import type { Kysely } from 'kysely';

/** Which boot of its runner's machine a producer was given to: a command of another boot may have run, and does not run again. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('producers').addColumn('boot_id', 'text').execute();
}
