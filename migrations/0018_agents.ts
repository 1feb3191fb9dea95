import type { Kysely } from 'kysely';

/** What is known of the agent of a run that another program drives: one row a run, with the offset up to which its lines are applied. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('agents')
    .addColumn('run_id', 'integer', (column) => column.primaryKey().references('runs.id').onDelete('cascade'))
    .addColumn('state', 'text', (column) => column.notNull())
    .execute();
}
