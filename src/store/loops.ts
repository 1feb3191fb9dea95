import type { Selectable } from 'kysely';
import type { Clock } from '../core/clock.ts';
import { isEnd } from '../core/end-status.ts';
import { HeadgateError } from '../core/errors.ts';
import type { LoopStore } from '../model/ports/store.ts';
import type { Loop, LoopMode, RunSettings } from '../model/records.ts';
import type { LoopStatus } from '../model/status.ts';
import type { Connection } from './connection.ts';
import { isTaken } from './failures.ts';
import { fromJson, toJson } from './json.ts';
import { found, inserted } from './missing.ts';
import type { Tables } from './tables.ts';
import { requireTransition } from './transitions.ts';
import { ofVisibleRun } from './visible.ts';

/** Characters of a prompt that say what it is about. */
const BEGINNING_CHARS = 400;

/** The prompt queue of each run. */
export class SqliteLoops implements LoopStore {
  readonly #db: Connection;
  readonly #clock: Clock;

  constructor(db: Connection, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
  }

  enqueue({
    runId,
    mode,
    prompt,
    model,
    config,
  }: {
    runId: number;
    mode: LoopMode;
    prompt: string;
    model: string;
    config: RunSettings;
  }): Loop {
    const insert = this.#db.query
      .insertInto('loops')
      .values((eb) => ({
        run_id: runId,
        sequence: eb
          .selectFrom('loops')
          .where('run_id', '=', runId)
          .select(({ fn, val }) => eb(fn.coalesce(fn.max('sequence'), val(0)), '+', 1).as('next')),
        mode,
        prompt,
        status: 100,
        model,
        config: toJson(config),
        created_at: this.#clock.now(),
      }))
      .returningAll();
    return record(inserted(this.#db.write('durable', () => this.#db.first(insert))));
  }

  byId(id: number): Loop | undefined {
    const row = this.#db.first(this.#visible().where('id', '=', id));
    return row && record(row);
  }

  active(runId: number): Loop | undefined {
    return this.#firstAt(runId, 102);
  }

  nextQueued(runId: number): Loop | undefined {
    return this.#firstAt(runId, 100);
  }

  list(runId: number): Loop[] {
    return this.#db.all(this.#visible().where('run_id', '=', runId).orderBy('sequence')).map(record);
  }

  firstPrompts(runIds: readonly number[]): Map<number, string> {
    const beginnings = this.#db.query
      .selectFrom('loops')
      .select(({ fn, val }) => ['run_id', fn<string>('substr', ['prompt', val(1), val(BEGINNING_CHARS)]).as('prompt')])
      .where('run_id', 'in', runIds)
      .where('sequence', '=', 1);
    return new Map(this.#db.all(beginnings).map(({ run_id, prompt }) => [run_id, prompt]));
  }

  setStatus(id: number, status: LoopStatus, outcome: string | null, result: string | null): void {
    const change = { status, outcome, result, ...(isEnd(status) ? { ended_at: this.#clock.now() } : {}) };
    this.#db.write('durable', () => {
      const loop = found(this.byId(id), 'loop', id, 'getRun');
      requireTransition('loop', loop.status, status, `loop ${loop.sequence}`);
      try {
        this.#db.run(this.#db.query.updateTable('loops').set(change).where('id', '=', id));
      } catch (error) {
        if (!isTaken(error)) throw error;
        throw new HeadgateError('conflict', `another loop of this run is active; loop ${loop.sequence} starts when it has ended`, {
          loop: loop.sequence,
        });
      }
    });
  }

  #visible() {
    return this.#db.query.selectFrom('loops').selectAll().where(ofVisibleRun('loops.run_id'));
  }

  #firstAt(runId: number, status: LoopStatus): Loop | undefined {
    const row = this.#db.first(this.#visible().where('run_id', '=', runId).where('status', '=', status).orderBy('sequence').limit(1));
    return row && record(row);
  }
}

function record(row: Selectable<Tables['loops']>): Loop {
  return {
    id: row.id,
    runId: row.run_id,
    sequence: row.sequence,
    mode: row.mode,
    prompt: row.prompt,
    status: row.status,
    outcome: row.outcome,
    model: row.model,
    config: fromJson<RunSettings>(row.config),
    result: row.result,
    createdAt: row.created_at,
    endedAt: row.ended_at,
  };
}
