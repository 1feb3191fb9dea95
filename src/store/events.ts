import type { Selectable } from 'kysely';
import type { Clock } from '../core/clock.ts';
import type { EventStore, NewEvent } from '../model/ports/store.ts';
import type { EventRecord } from '../model/records.ts';
import type { Sight } from '../model/sight.ts';
import type { Connection } from './connection.ts';
import { fromJson, toJson } from './json.ts';
import { found, inserted } from './missing.ts';
import type { Tables } from './tables.ts';
import { ofVisibleRun } from './visible.ts';

/** The event log of each project (SPEC {#events}). */
export class SqliteEvents implements EventStore {
  readonly #db: Connection;
  readonly #clock: Clock;
  readonly #raise;
  readonly #insert;
  readonly #run;

  constructor(db: Connection, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
    this.#raise = db.shape((projectId: number) =>
      db.query
        .updateTable('projects')
        .set((eb) => ({ last_seq: eb('last_seq', '+', 1) }))
        .where('id', '=', projectId)
        .returning('last_seq'),
    );
    this.#insert = db.shape(
      (
        project_id: number,
        seq: number,
        run_id: number | null,
        run: string | null,
        type: string,
        at: number,
        payload: string,
        made_with: string | null,
      ) => db.query.insertInto('events').values({ project_id, seq, run_id, run, type, at, payload, made_with }).returningAll(),
    );
    this.#run = db.shape((projectId: number, alias: string) =>
      db.query.selectFrom('runs').select(['id', 'made_with']).where('project_id', '=', projectId).where('alias', '=', alias),
    );
  }

  append({ projectId, run, type, payload, madeWith }: NewEvent): EventRecord {
    return this.#db.group('durable', () => {
      const { last_seq: seq } = found(this.#raise(projectId), 'project', projectId, 'init');
      const known = run === null ? undefined : this.#run(projectId, run);
      const by = madeWith ?? known?.made_with ?? null;
      const row = this.#insert(projectId, seq, known?.id ?? null, run, type, this.#clock.now(), toJson(payload), by);
      return record(inserted(row));
    });
  }

  since({ sight, run, seq, limit }: { sight: Sight; run?: string | undefined; seq: number; limit: number }): EventRecord[] {
    const { projectId, madeWith } = sight;
    const query = this.#db.query
      .selectFrom('events')
      .selectAll()
      .where('seq', '>', seq)
      .where((eb) => eb.or([eb('events.run_id', 'is', null), ofVisibleRun('events.run_id')]))
      .$if(madeWith !== null, (q) => q.where('made_with', '=', madeWith))
      .orderBy('seq')
      .limit(limit);
    if (run === undefined) return this.#db.all(query.where('project_id', '=', projectId)).map(record);
    // A run keeps its events when it is renamed; one that is gone, or was not there yet, is known by its alias alone.
    const runId = this.#run(projectId, run)?.id;
    const unbound = this.#db.all(
      query
        .where('project_id', '=', projectId)
        .where('run_id', 'is', null)
        .where('run', '=', run)
        // That a run of this alias was deleted is nothing that happened to the one that has it now.
        .$if(runId !== undefined, (q) => q.where('type', '!=', 'run/state')),
    );
    const bound = runId === undefined ? [] : this.#db.all(query.where('run_id', '=', runId));
    return [...unbound, ...bound]
      .sort((a, b) => a.seq - b.seq)
      .slice(0, limit)
      .map(record);
  }

  lastSeq(projectId: number): number {
    const row = this.#db.first(this.#db.query.selectFrom('projects').select('last_seq').where('id', '=', projectId));
    return row?.last_seq ?? 0;
  }

  trimmedTo(projectId: number): number {
    const row = this.#db.first(this.#db.query.selectFrom('projects').select('trimmed_to').where('id', '=', projectId));
    return row?.trimmed_to ?? 0;
  }
}

function record(row: Selectable<Tables['events']>): EventRecord {
  return {
    seq: row.seq,
    projectId: row.project_id,
    run: row.run,
    type: row.type,
    payload: fromJson<Record<string, unknown>>(row.payload),
    at: row.at,
    madeWith: row.made_with,
  };
}
