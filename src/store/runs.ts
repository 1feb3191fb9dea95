import type { Selectable } from 'kysely';
import type { Clock } from '../core/clock.ts';
import { defined } from '../core/defined.ts';
import { HeadgateError } from '../core/errors.ts';
import type { NewRun, RunStore } from '../model/ports/store.ts';
import type { Run, RunSettings } from '../model/records.ts';
import type { Sight } from '../model/sight.ts';
import type { RunStatus } from '../model/status.ts';
import type { Connection } from './connection.ts';
import { isTaken } from './failures.ts';
import { fromJson, toJson } from './json.ts';
import { changedOne, found, inserted } from './missing.ts';
import type { RunCopies } from './run-copies.ts';
import type { Tables } from './tables.ts';
import { requireTransition } from './transitions.ts';
import { buryRuns, ofSight } from './visible.ts';

/** Runs of a project. */
export class SqliteRuns implements RunStore {
  readonly #db: Connection;
  readonly #clock: Clock;
  readonly #copies: RunCopies;
  readonly #removed: () => void;
  readonly #byId;

  /** `removed` is called when a run has gone out of sight and what it held is to be deleted. */
  constructor(db: Connection, clock: Clock, copies: RunCopies, removed: () => void) {
    this.#db = db;
    this.#clock = clock;
    this.#copies = copies;
    this.#removed = removed;
    this.#byId = db.shape((id: number) => this.#visible().where('id', '=', id));
  }

  create({ projectId, alias, parentId, model, settings, madeWith = null }: NewRun): Run {
    const now = this.#clock.now();
    const insert = this.#db.query
      .insertInto('runs')
      .values({
        project_id: projectId,
        alias,
        parent_id: parentId,
        status: 100,
        model,
        settings: toJson(settings),
        created_at: now,
        updated_at: now,
        made_with: madeWith,
      })
      .returningAll();
    return record(inserted(unlessTaken(alias, () => this.#db.write('durable', () => this.#db.first(insert)))));
  }

  byId(id: number): Run | undefined {
    const row = this.#byId(id);
    return row && record(row);
  }

  byAlias(sight: Sight, alias: string): Run | undefined {
    const row = this.#db.first(this.#visible().where(ofSight(sight)).where('alias', '=', alias));
    return row && record(row);
  }

  list(sight: Sight, limit: number, offset: number): Run[] {
    const query = this.#visible().where(ofSight(sight));
    return this.#db.all(query.orderBy('id', 'desc').limit(limit).offset(offset)).map(record);
  }

  withStatus(statuses: readonly RunStatus[]): Run[] {
    return this.#db.all(this.#visible().where('status', 'in', statuses).orderBy('id')).map(record);
  }

  setStatus(id: number, status: RunStatus, outcome: string | null): void {
    this.#db.write('durable', () => {
      const run = found(this.byId(id), 'run', id, 'getRuns');
      requireTransition('run', run.status, status, `run ${run.alias}`);
      this.#update(id, { status, outcome });
    });
  }

  configure(id: number, { model, settings, alias }: { model?: string; settings?: RunSettings; alias?: string }): void {
    unlessTaken(alias ?? '', () =>
      this.#db.write('durable', () =>
        this.#update(id, {
          ...defined({ model }),
          ...(settings === undefined ? {} : { settings: toJson(settings) }),
          ...defined({ alias }),
        }),
      ),
    );
  }

  copy<T>(id: number, o: { maxBytes: number; madeWith?: string | null }, whole: (reveal: (alias: string) => Run) => T): Promise<T> {
    return this.#copies.make(id, o, (reveal) =>
      whole((alias) =>
        this.#db.group('durable', () => {
          const copy = unlessTaken(alias, () => reveal(alias));
          return found(this.byId(copy), 'run', copy, 'getRuns');
        }),
      ),
    );
  }

  nextTurn(id: number): number {
    const raise = this.#db.query
      .updateTable('runs')
      .set((eb) => ({ turn: eb('turn', '+', 1), updated_at: this.#clock.now() }))
      .where('id', '=', id)
      .where('deleted_at', 'is', null)
      .returning('turn');
    const row = this.#db.write('durable', () => this.#db.first(raise));
    return found(row, 'run', id, 'getRuns').turn;
  }

  remove(id: number): void {
    this.#db.group('durable', () => {
      changedOne(buryRuns(this.#db, this.#clock.now(), [id]), 'run', id, 'getRuns');
    });
    this.#removed();
  }

  #visible() {
    return this.#db.query.selectFrom('runs').selectAll().where('deleted_at', 'is', null);
  }

  #update(id: number, change: Partial<Pick<Selectable<Tables['runs']>, 'status' | 'outcome' | 'model' | 'settings' | 'alias'>>): void {
    const changed = this.#db.run(
      this.#db.query
        .updateTable('runs')
        .set({ ...change, updated_at: this.#clock.now() })
        .where('id', '=', id)
        .where('deleted_at', 'is', null),
    );
    changedOne(changed, 'run', id, 'getRuns');
  }
}

function unlessTaken<T>(alias: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!isTaken(error)) throw error;
    throw new HeadgateError('alias_taken', `a run "${alias}" exists already in this project; choose another alias`, { alias });
  }
}

function record(row: Selectable<Tables['runs']>): Run {
  return {
    id: row.id,
    projectId: row.project_id,
    alias: row.alias,
    parentId: row.parent_id,
    status: row.status,
    outcome: row.outcome,
    model: row.model,
    settings: fromJson<RunSettings>(row.settings),
    turn: row.turn,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    madeWith: row.made_with,
  };
}
