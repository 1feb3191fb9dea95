import { type Kysely, sql } from 'kysely';

/** The folder in which a rule holds; those that were remembered for commands were given in the root, as far as is known. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('permissions').addColumn('folder', 'text').execute();
  await sql`update permissions set folder = '.' where via <> '' and decision = 'allow' and action in ('sh', 'env')`.execute(db);
}
