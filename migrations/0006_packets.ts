import { type Kysely, sql } from 'kysely';

/** What a turn's model was sent, kept so that it can be made again; what it cost and how long it took. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('context_messages')
    .addColumn('id', 'integer', (c) => c.primaryKey().notNull())
    .addColumn('run_id', 'integer', (c) => c.notNull().references('runs.id').onDelete('cascade'))
    .addColumn('hash', 'text', (c) => c.notNull())
    .addColumn('record', 'text', (c) => c.notNull())
    .addUniqueConstraint('context_messages_hash', ['run_id', 'hash'])
    .modifyEnd(sql`strict`)
    .execute();
  await db.schema.alterTable('turns').addColumn('packet', 'text').execute();
  await db.schema.alterTable('turns').addColumn('cost', 'real').execute();
  await db.schema
    .alterTable('turns')
    .addColumn('requests', 'integer', (c) => c.notNull().defaultTo(0))
    .execute();
  await db.schema.alterTable('turns').addColumn('first_ms', 'integer').execute();
  await db.schema.alterTable('turns').addColumn('total_ms', 'integer').execute();
  await db.schema.alterTable('models').addColumn('price', 'text').execute();
}
