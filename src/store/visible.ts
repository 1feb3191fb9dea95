import { type Expression, type SqlBool, sql } from 'kysely';
import type { Sight } from '../model/sight.ts';
import type { Connection } from './connection.ts';

/** Runs that are out of sight and whose rows are being deleted; an index holds exactly them, so it costs next to nothing. */
export const DELETED_RUNS = 'select id from runs where deleted_at is not null';

/** The condition that a row belongs to a run that is not deleted; `column` names the run, with its table. */
export function ofVisibleRun(column: string): Expression<SqlBool> {
  return sql<SqlBool>`${sql.ref(column)} not in (${sql.raw(DELETED_RUNS)})`;
}

/**
 * The condition that a row of `runs` is within `sight` (SPEC {#own_runs}). `isFew`: other conditions name the few rows that are
 * looked at; a plus keeps SQLite from reading all of the project.
 */
export function ofSight({ projectId, madeWith }: Sight, isFew = false): Expression<SqlBool> {
  const ofProject = sql<SqlBool>`${sql.raw(isFew ? '+' : '')}runs.project_id = ${projectId}`;
  return madeWith === null ? ofProject : sql<SqlBool>`(${ofProject} and runs.made_with = ${madeWith})`;
}

/**
 * Takes runs out of sight in the open transaction and returns how many there were. Their aliases are free again and
 * their forks stand alone; their rows are deleted later, in small steps (SPEC {#run_delete}).
 */
export function buryRuns(db: Connection, now: number, ids: readonly number[]): number {
  const buried = db.run(
    db.query
      .updateTable('runs')
      // No alias that a client can choose begins with a blank.
      .set({ deleted_at: now, alias: sql<string>`' ' || id` })
      .where('id', 'in', ids)
      .where('deleted_at', 'is', null),
  );
  db.run(db.query.updateTable('runs').set({ parent_id: null }).where('parent_id', 'in', ids));
  return buried;
}
