import { type CreateTableBuilder, type Kysely, sql } from 'kysely';

/** What every table ends with: SQLite checks the declared types. */
const STRICT = sql`strict`;

/** Permitted changes of state, written out: a later change of the code's tables needs a migration of its own. */
const TRANSITIONS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  run: { 100: '102 499', 102: '200 202 499 500', 200: '102 499', 202: '102 200 499', 499: '102', 500: '102 499' },
  loop: { 100: '102 499', 102: '200 499 500' },
  entry: { 100: '102 200 202 400 403 404 409 413 422 499 500 501', 102: '200 499 500', 202: '102 200 403 499 500' },
  producer: {
    queued: 'running ended cancelling aborted failed lost',
    running: 'ended cancelling aborted failed lost',
    cancelling: 'cancelled',
  },
};

/** The tables of the first release. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await projects(db);
  await conversations(db);
  await entries(db);
  await records(db);
  await states(db);
}

function table(db: Kysely<unknown>, name: string): CreateTableBuilder<string, 'id'> {
  // AUTOINCREMENT: the number of a deleted row is never given to another, so whoever still holds it finds nothing.
  return db.schema
    .createTable(name)
    .addColumn('id', 'integer', (c) => c.primaryKey().autoIncrement())
    .modifyEnd(STRICT);
}

async function projects(db: Kysely<unknown>): Promise<void> {
  await table(db, 'projects')
    .addColumn('name', 'text', (c) => c.notNull().unique())
    .addColumn('root', 'text', (c) => c.notNull())
    .addColumn('config_path', 'text')
    .addColumn('last_seq', 'integer', (c) => c.notNull().defaultTo(0))
    .execute();
  await db.schema
    .createTable('models')
    .addColumn('project_id', 'integer', (c) => c.notNull().references('projects.id').onDelete('cascade'))
    .addColumn('alias', 'text', (c) => c.notNull())
    .addColumn('actual', 'text', (c) => c.notNull())
    .addColumn('provider', 'text', (c) => c.notNull())
    .addColumn('context_length', 'integer')
    .addPrimaryKeyConstraint('models_pk', ['project_id', 'alias'])
    .modifyEnd(STRICT)
    .execute();
  await db.schema
    .createTable('file_constraints')
    .addColumn('project_id', 'integer', (c) => c.notNull().references('projects.id').onDelete('cascade'))
    .addColumn('pattern', 'text', (c) => c.notNull())
    .addColumn('rule', 'text', (c) => c.notNull())
    .addColumn('created_at', 'integer', (c) => c.notNull())
    .addPrimaryKeyConstraint('file_constraints_pk', ['project_id', 'pattern'])
    .modifyEnd(STRICT)
    .execute();
  await table(db, 'permissions')
    .addColumn('project_id', 'integer', (c) => c.notNull().references('projects.id').onDelete('cascade'))
    .addColumn('action', 'text', (c) => c.notNull())
    .addColumn('pattern', 'text', (c) => c.notNull())
    .addColumn('decision', 'text', (c) => c.notNull())
    .addColumn('granted_by', 'text', (c) => c.notNull())
    .addColumn('created_at', 'integer', (c) => c.notNull())
    .execute();
  await db.schema.createIndex('permissions_project').on('permissions').columns(['project_id', 'action']).execute();
  await table(db, 'tokens')
    .addColumn('name', 'text', (c) => c.notNull().unique())
    .addColumn('hash', 'text', (c) => c.notNull().unique())
    .addColumn('scopes', 'text', (c) => c.notNull())
    .addColumn('created_at', 'integer', (c) => c.notNull())
    .addColumn('expires_at', 'integer')
    .execute();
  await db.schema
    .createTable('runners')
    .addColumn('name', 'text', (c) => c.notNull().primaryKey())
    .addColumn('labels', 'text', (c) => c.notNull())
    .addColumn('backends', 'text', (c) => c.notNull())
    .addColumn('epoch', 'integer', (c) => c.notNull())
    .addColumn('last_seen', 'integer', (c) => c.notNull())
    .modifyEnd(STRICT)
    .execute();
}

async function conversations(db: Kysely<unknown>): Promise<void> {
  await table(db, 'runs')
    .addColumn('project_id', 'integer', (c) => c.notNull().references('projects.id').onDelete('cascade'))
    .addColumn('alias', 'text', (c) => c.notNull())
    .addColumn('parent_id', 'integer', (c) => c.references('runs.id').onDelete('set null'))
    .addColumn('status', 'integer', (c) => c.notNull())
    .addColumn('outcome', 'text')
    .addColumn('model', 'text', (c) => c.notNull())
    .addColumn('settings', 'text', (c) => c.notNull())
    .addColumn('turn', 'integer', (c) => c.notNull().defaultTo(0))
    .addColumn('created_at', 'integer', (c) => c.notNull())
    .addColumn('updated_at', 'integer', (c) => c.notNull())
    .addUniqueConstraint('runs_alias', ['project_id', 'alias'])
    .execute();
  await db.schema.createIndex('runs_parent').on('runs').column('parent_id').execute();
  await table(db, 'loops')
    .addColumn('run_id', 'integer', (c) => c.notNull().references('runs.id').onDelete('cascade'))
    .addColumn('sequence', 'integer', (c) => c.notNull())
    .addColumn('mode', 'text', (c) => c.notNull())
    .addColumn('prompt', 'text', (c) => c.notNull())
    .addColumn('status', 'integer', (c) => c.notNull())
    .addColumn('outcome', 'text')
    .addColumn('model', 'text', (c) => c.notNull())
    .addColumn('config', 'text', (c) => c.notNull())
    .addColumn('result', 'text')
    .addColumn('created_at', 'integer', (c) => c.notNull())
    .addColumn('ended_at', 'integer')
    .addUniqueConstraint('loops_sequence', ['run_id', 'sequence'])
    .execute();
  await sql`create unique index loops_one_active on loops (run_id) where status = 102`.execute(db);
  await table(db, 'turns')
    .addColumn('run_id', 'integer', (c) => c.notNull().references('runs.id').onDelete('cascade'))
    .addColumn('loop_id', 'integer', (c) => c.notNull().references('loops.id').onDelete('cascade'))
    .addColumn('sequence', 'integer', (c) => c.notNull())
    .addColumn('phase', 'text', (c) => c.notNull())
    .addColumn('text', 'text', (c) => c.notNull().defaultTo(''))
    .addColumn('input_tokens', 'integer')
    .addColumn('output_tokens', 'integer')
    .addColumn('cached_tokens', 'integer')
    .addColumn('started_at', 'integer', (c) => c.notNull())
    .addColumn('ended_at', 'integer')
    .addUniqueConstraint('turns_sequence', ['run_id', 'sequence'])
    .execute();
  await db.schema.createIndex('turns_loop').on('turns').column('loop_id').execute();
  await db.schema
    .createTable('turn_context')
    .addColumn('turn_id', 'integer', (c) => c.notNull().references('turns.id').onDelete('cascade'))
    .addColumn('ordinal', 'integer', (c) => c.notNull())
    .addColumn('path', 'text', (c) => c.notNull())
    .addColumn('from_byte', 'integer', (c) => c.notNull())
    .addColumn('to_byte', 'integer', (c) => c.notNull())
    .addColumn('tokens', 'integer', (c) => c.notNull())
    .addPrimaryKeyConstraint('turn_context_pk', ['turn_id', 'ordinal'])
    .modifyEnd(STRICT)
    .execute();
}

async function entries(db: Kysely<unknown>): Promise<void> {
  // `body` comes last: a long one lies on pages of its own, which nobody has to walk to reach another column.
  await table(db, 'entries')
    .addColumn('run_id', 'integer', (c) => c.notNull().references('runs.id').onDelete('cascade'))
    .addColumn('path', 'text', (c) => c.notNull())
    .addColumn('scheme', 'text', (c) => c.notNull())
    .addColumn('category', 'text', (c) => c.notNull())
    .addColumn('status', 'integer', (c) => c.notNull())
    .addColumn('outcome', 'text')
    .addColumn('visibility', 'text', (c) => c.notNull())
    .addColumn('turn', 'integer', (c) => c.notNull())
    .addColumn('loop_id', 'integer', (c) => c.references('loops.id').onDelete('cascade'))
    .addColumn('bytes', 'integer', (c) => c.notNull().defaultTo(0))
    .addColumn('lines', 'integer', (c) => c.notNull().defaultTo(0))
    .addColumn('writer', 'text', (c) => c.notNull())
    .addColumn('version', 'integer', (c) => c.notNull().defaultTo(1))
    .addColumn('created_at', 'integer', (c) => c.notNull())
    .addColumn('updated_at', 'integer', (c) => c.notNull())
    .addColumn('attributes', 'text', (c) => c.notNull())
    .addColumn('body', 'text', (c) => c.notNull().defaultTo(''))
    .addUniqueConstraint('entries_path', ['run_id', 'path'])
    .execute();
  await db.schema.createIndex('entries_status').on('entries').columns(['run_id', 'status']).execute();
  await db.schema.createIndex('entries_loop').on('entries').column('loop_id').execute();
  // A rowid table, its key a separate index: clustering blobs by key makes every append a third slower.
  await db.schema
    .createTable('segments')
    .addColumn('entry_id', 'integer', (c) => c.notNull().references('entries.id').onDelete('cascade'))
    .addColumn('offset', 'integer', (c) => c.notNull())
    .addColumn('line', 'integer', (c) => c.notNull())
    .addColumn('at', 'integer', (c) => c.notNull())
    .addColumn('bytes', 'blob', (c) => c.notNull())
    .addUniqueConstraint('segments_offset', ['entry_id', 'offset'])
    .modifyEnd(STRICT)
    .execute();
  await db.schema.createIndex('segments_line').on('segments').columns(['entry_id', 'line', 'offset']).execute();
  await db.schema
    .createTable('producers')
    .addColumn('entry_id', 'integer', (c) => c.primaryKey().references('entries.id').onDelete('cascade'))
    .addColumn('backend', 'text', (c) => c.notNull())
    .addColumn('runner', 'text', (c) => c.notNull())
    .addColumn('spec', 'text', (c) => c.notNull())
    .addColumn('epoch', 'integer', (c) => c.notNull())
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('ref', 'text')
    .addColumn('exit_code', 'integer')
    .addColumn('signal', 'text')
    .addColumn('receipt', 'text')
    .addColumn('created_at', 'integer', (c) => c.notNull())
    .addColumn('started_at', 'integer')
    .addColumn('ended_at', 'integer')
    .addColumn('last_output_at', 'integer')
    .modifyEnd(STRICT)
    .execute();
  await db.schema.createIndex('producers_state').on('producers').column('state').execute();
}

async function records(db: Kysely<unknown>): Promise<void> {
  await table(db, 'events')
    .addColumn('project_id', 'integer', (c) => c.notNull().references('projects.id').onDelete('cascade'))
    .addColumn('seq', 'integer', (c) => c.notNull())
    .addColumn('run_id', 'integer', (c) => c.references('runs.id').onDelete('cascade'))
    .addColumn('run', 'text')
    .addColumn('type', 'text', (c) => c.notNull())
    .addColumn('at', 'integer', (c) => c.notNull())
    .addColumn('payload', 'text', (c) => c.notNull())
    .addUniqueConstraint('events_seq', ['project_id', 'seq'])
    .execute();
  await db.schema.createIndex('events_run').on('events').columns(['run_id', 'seq']).execute();
  await sql`create index events_alias on events (project_id, run, seq) where run_id is null`.execute(db);
  await table(db, 'rpc_log')
    .addColumn('at', 'integer', (c) => c.notNull())
    .addColumn('method', 'text', (c) => c.notNull())
    .addColumn('client', 'text', (c) => c.notNull())
    .addColumn('run', 'text')
    .addColumn('code', 'integer', (c) => c.notNull())
    .addColumn('duration_ms', 'real', (c) => c.notNull())
    .execute();
}

async function states(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('transitions')
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('from_state', 'text', (c) => c.notNull())
    .addColumn('to_state', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('transitions_pk', ['kind', 'from_state', 'to_state'])
    .modifyEnd(STRICT)
    .execute();
  for (const [kind, rows] of Object.entries(TRANSITIONS)) {
    for (const [from, to] of Object.entries(rows)) {
      const values = to.split(' ').map((state) => sql`(${sql.lit(kind)}, ${sql.lit(from)}, ${sql.lit(state)})`);
      await sql`insert into transitions (kind, from_state, to_state) values ${sql.join(values)}`.execute(db);
    }
  }
  const guarded = [
    { kind: 'run', table: 'runs', state: 'status' },
    { kind: 'loop', table: 'loops', state: 'status' },
    { kind: 'entry', table: 'entries', state: 'status' },
    { kind: 'producer', table: 'producers', state: 'state' },
  ];
  for (const { kind, table: name, state } of guarded) {
    const before = sql.ref(`old.${state}`);
    const after = sql.ref(`new.${state}`);
    await sql`create trigger ${sql.ref(`${name}_transition`)} before update of ${sql.ref(state)} on ${sql.table(name)}
      when ${after} <> ${before} and not exists (
        select 1 from transitions
        where kind = ${sql.lit(kind)} and from_state = cast(${before} as text) and to_state = cast(${after} as text)
      )
      begin
        select raise(abort, ${sql.lit(`illegal_transition: ${kind}`)});
      end`.execute(db);
  }
}
