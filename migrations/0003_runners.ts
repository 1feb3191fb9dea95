import { type Kysely, sql } from 'kysely';

/** Runners in processes of their own: what each offers, and which of them has a producer. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable('runners')
    .addColumn('capacity', 'integer', (c) => c.notNull().defaultTo(1))
    .execute();
  await db.schema
    .alterTable('runners')
    .addColumn('instance', 'text', (c) => c.notNull().defaultTo(''))
    .execute();
  await db.schema.alterTable('producers').addColumn('assigned_to', 'text').execute();
  await db.schema.alterTable('producers').addColumn('assigned_instance', 'text').execute();
  await db.schema
    .createTable('store_identity')
    .addColumn('id', 'text', (c) => c.notNull())
    .modifyEnd(sql`strict`)
    .execute();
  await sql`insert into store_identity (id) values (lower(hex(randomblob(16))))`.execute(db);
}
