import { type Kysely, sql } from 'kysely';

/** Channels whose bytes are in a file beside the database, and where the pieces of it begin that were stored one by one. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('channel_files')
    .addColumn('entry_id', 'integer', (c) => c.primaryKey().references('entries.id').onDelete('cascade'))
    .addColumn('file', 'text', (c) => c.notNull().unique())
    .addColumn('synced', 'integer', (c) => c.notNull())
    .modifyEnd(sql`strict`)
    .execute();
  await db.schema
    .createTable('channel_marks')
    .addColumn('entry_id', 'integer', (c) => c.notNull().references('channel_files.entry_id').onDelete('cascade'))
    .addColumn('offset', 'integer', (c) => c.notNull())
    .addColumn('line', 'integer', (c) => c.notNull())
    .addColumn('at', 'integer', (c) => c.notNull())
    .addColumn('crc', 'integer', (c) => c.notNull())
    .addPrimaryKeyConstraint('channel_marks_offset', ['entry_id', 'offset'])
    .modifyEnd(sql`strict, without rowid`)
    .execute();
}
