import { type Kysely, sql } from 'kysely';

/** A run that is being made as a copy of another: out of sight like a deleted one, but rows may be added to it. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('runs').addColumn('copying', 'integer').execute();
  for (const name of ['loops', 'turns', 'entries']) {
    await sql`drop trigger ${sql.ref(`${name}_of_deleted_run`)}`.execute(db);
    await sql`create trigger ${sql.ref(`${name}_of_deleted_run`)} before insert on ${sql.table(name)}
      when exists (select 1 from runs where id = new.run_id and deleted_at is not null and copying is null)
      begin
        select raise(abort, 'run_deleted');
      end`.execute(db);
  }
  // What changes in the first run while it is copied is made good in the copy, whose entries may have taken several steps at once.
  await sql`drop trigger entries_transition`.execute(db);
  await sql`create trigger entries_transition before update of status on entries
    when new.status <> old.status and not exists (
      select 1 from transitions
      where kind = 'entry' and from_state = cast(old.status as text) and to_state = cast(new.status as text)
    ) and not exists (select 1 from runs where id = new.run_id and copying is not null)
    begin
      select raise(abort, 'illegal_transition: entry');
    end`.execute(db);
}
