import type { Connection } from './connection.ts';

/** What becomes of what a copy cannot go on with: a running command, a waiting proposal. */
const ENDED = { status: 499, outcome: 'forked', producer: 'aborted' } as const;

/** The packet of a turn, with the ids that its messages and tools have in the copy. */
const SAME = 'join context_messages n on n.run_id = @to and n.hash = o.hash';
const PACKET = `case when old.packet is null then null else json_object(
  'messages', json((select json_group_array(id) from (
    select n.id from json_each(old.packet, '$.messages') m join context_messages o on o.id = m.value ${SAME} order by m.key))),
  'tools', (select n.id from context_messages o ${SAME} where o.id = json_extract(old.packet, '$.tools'))) end`;

/** What an entry says of processes that run on: they are none of the copy's. */
const LEFTOVER_GONE = `case when json_type(old.attributes, '$.leftover') = 'object' and json_type(old.attributes, '$.leftover.gone_at') is null
  then json_set(old.attributes, '$.leftover.gone_at', @now) else old.attributes end`;

/**
 * Copies a run with its loops, turns and entries under another alias, in the open transaction, and answers the copy's id: with the
 * bytes of channels and what turns were shown. What runs or waits is in the copy ended with 499 `forked`. Rows are matched by what is unique in
 * a run; columns are asked of the database, so that a later one is not forgotten.
 */
export function copyRun(db: Connection, from: number, alias: string, now: number): number {
  let to = 0;
  const run = (sql: string) => db.prepare<[Record<string, unknown>]>(sql).run({ from, to, alias, now }).lastInsertRowid;
  const columns = (table: string, except: readonly string[]) =>
    db
      .prepare<[string], { name: string }>('select name from pragma_table_info(?)')
      .all(table)
      .map(({ name }) => name)
      .filter((name) => !except.includes(name));
  /** Copies rows of `table`; `replaced` says what stands in columns of the copy that are not taken over. */
  const copy = (table: string, replaced: Readonly<Record<string, string>>, source: string) => {
    const plain = columns(table, ['id', ...Object.keys(replaced)]);
    const into = [...plain, ...Object.keys(replaced)].map((name) => `"${name}"`).join(', ');
    const values = [...plain.map((name) => `old."${name}"`), ...Object.values(replaced)].join(', ');
    return run(`insert into ${table} (${into}) select ${values} from ${table} old ${source}`);
  };
  db.guard();
  to = Number(copy('runs', { alias: '@alias', parent_id: 'old.id', created_at: '@now', updated_at: '@now' }, 'where old.id = @from'));
  copy('loops', { run_id: '@to' }, 'where old.run_id = @from');
  const loop = '(select n.id from loops n join loops o on o.id = old.loop_id where n.run_id = @to and n.sequence = o.sequence)';
  copy('context_messages', { run_id: '@to' }, 'where old.run_id = @from');
  copy('turns', { run_id: '@to', loop_id: loop, packet: PACKET }, 'where old.run_id = @from');
  copy(
    'turn_context',
    { turn_id: 'n.id' },
    'join turns o on o.id = old.turn_id join turns n on n.run_id = @to and n.sequence = o.sequence where o.run_id = @from',
  );
  const open = 'old.status in (100, 102, 202)';
  copy(
    'entries',
    {
      run_id: '@to',
      loop_id: loop,
      status: `case when ${open} then ${ENDED.status} else old.status end`,
      outcome: `case when ${open} then '${ENDED.outcome}' else old.outcome end`,
      attributes: LEFTOVER_GONE,
    },
    'where old.run_id = @from order by old.id',
  );
  const entry = 'join entries o on o.id = old.entry_id join entries n on n.run_id = @to and n.path = o.path where o.run_id = @from';
  copy('segments', { entry_id: 'n.id' }, `${entry} order by old.entry_id, old.offset`);
  const live = "old.state in ('queued', 'running', 'cancelling')";
  copy(
    'producers',
    {
      entry_id: 'n.id',
      state: `case when ${live} then '${ENDED.producer}' else old.state end`,
      leftover_gone_at: 'case when old.leftover is null then null else coalesce(old.leftover_gone_at, @now) end',
    },
    entry,
  );
  return to;
}
