import type { ProducerState } from '../../model/status.ts';
import { DELETED_RUNS } from '../visible.ts';
import { unguarded } from './guards.ts';
import type { Patient, Problem } from './problem.ts';

const LIVE = "('queued', 'running', 'cancelling')";

/** A producer, for who looks at its folder. */
export interface ProducerRow {
  readonly entryId: number;
  readonly createdAt: number;
  readonly path: string;
  readonly runner: string;
  readonly state: ProducerState;
}

/** Producers that are not over, and those of which something runs on. */
export function liveProducers({ db }: Patient): ProducerRow[] {
  // A database of an earlier version has no leftovers, and no column for them.
  const known = db.prepare("select 1 from pragma_table_info('producers') where name = 'leftover'").get() !== undefined;
  const leftover = known ? 'or leftover is not null and leftover_gone_at is null' : '';
  return db
    .prepare<[], ProducerRow>(
      `select entry_id as entryId, producers.created_at as createdAt, path, runner, state
      from producers join entries on entries.id = producers.entry_id where state in ${LIVE} ${leftover} order by entry_id`,
    )
    .all();
}

/** Entries that wait for something that will never come: nothing at 102 without a live producer, nothing at 202 that nobody can answer. */
export function states(patient: Patient): Problem[] {
  const { db, now } = patient;
  const rows = db
    .prepare<[], { id: number; path: string; status: number }>(
      `select id, path, status from entries as e
      where run_id not in (${DELETED_RUNS}) and (
        status = 102 and category = 'logging' and json_extract(attributes, '$.change') is null
          and not exists (select 1 from producers where entry_id = e.id and state in ${LIVE})
        or status = 102 and category = 'data' and json_extract(attributes, '$.producer') is not null
          and not exists (
            select 1 from entries as log join producers on producers.entry_id = log.id
            where log.run_id = e.run_id and log.path = json_extract(e.attributes, '$.producer') and producers.state in ${LIVE})
        or status = 202 and (category <> 'logging' or exists (select 1 from producers where entry_id = e.id))
      ) order by id`,
    )
    .all();
  return rows.map(({ id, path, status }) => ({
    check: 'states',
    state: 'bad',
    detail: `${path} (entry ${id}) is at ${status}, and ${status === 102 ? 'no live producer' : 'no proposal'} stands behind it`,
    repair: () => {
      unguarded(db, () =>
        db.prepare("update entries set status = 500, outcome = 'damaged', version = version + 1, updated_at = ? where id = ?").run(now, id),
      );
      return 'it ends at 500 "damaged"';
    },
  }));
}
