import { type Kysely, sql } from 'kysely';

/** An accepted change of a file ends at 409 when the file is no longer what the change was made from. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`insert into transitions (kind, from_state, to_state) values ('entry', '102', '409')`.execute(db);
}
