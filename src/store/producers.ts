import { type Selectable, sql } from 'kysely';
import type { Clock } from '../core/clock.ts';
import { defined } from '../core/defined.ts';
import type { ProducerChange, ProducerStore } from '../model/ports/store.ts';
import type { KillReceipt, Leftover, Producer, ProducerSpec } from '../model/records.ts';
import { isLive } from '../model/status.ts';
import type { Connection } from './connection.ts';
import { fromJson, fromNullableJson, toJson } from './json.ts';
import { found } from './missing.ts';
import type { Tables } from './tables.ts';
import { requireTransition } from './transitions.ts';
import { ofSight } from './visible.ts';

/** Producers by their log entry. */
export class SqliteProducers implements ProducerStore {
  readonly #db: Connection;
  readonly #clock: Clock;
  readonly #get;

  constructor(db: Connection, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
    this.#get = db.shape((entryId: number) => this.#joined().where('producers.entry_id', '=', entryId));
  }

  create({
    entryId,
    backend,
    runner,
    spec,
    bootId = null,
  }: {
    entryId: number;
    backend: string;
    runner: string;
    spec: ProducerSpec;
    bootId?: string | null;
  }): Producer {
    return this.#db.write('durable', () => {
      this.#db.run(
        this.#db.query.insertInto('producers').values({
          entry_id: entryId,
          backend,
          runner,
          spec: toJson(spec),
          boot_id: bootId,
          epoch: 1,
          state: 'queued',
          created_at: this.#clock.now(),
        }),
      );
      return this.#require(entryId);
    });
  }

  get(entryId: number): Producer | undefined {
    const row = this.#get(entryId);
    return row && record(row);
  }

  list(filter: Parameters<ProducerStore['list']>[0]): Producer[] {
    const { sight, runId, entryId, states = [], leftover = false, runner, limit, offset = 0 } = filter;
    // A plus keeps SQLite from reading all entries of a run where the index of states names the few that are live.
    const isFew = entryId !== undefined || (filter.states?.every(isLive) ?? leftover);
    const ofRun = isFew ? sql<number>`+${sql.ref('entries.run_id')}` : sql.ref<number>('entries.run_id');
    const all = this.#joined();
    const matching = (sight ? all.where(ofSight(sight, isFew)) : all)
      .$if(runId !== undefined, (q) => q.where(ofRun, '=', runId ?? 0))
      .$if(entryId !== undefined, (q) => q.where('producers.entry_id', '=', entryId ?? 0))
      .$if(filter.states !== undefined || leftover, (q) =>
        q.where((eb) =>
          eb.or([
            eb('producers.state', 'in', states),
            ...(leftover ? [eb.and([eb('producers.leftover', 'is not', null), eb('producers.leftover_gone_at', 'is', null)])] : []),
          ]),
        ),
      )
      .$if(runner !== undefined, (q) => q.where('producers.runner', '=', runner ?? ''))
      .orderBy('producers.created_at', 'desc')
      .orderBy('producers.entry_id', 'desc');
    if (limit === undefined) return this.#db.all(matching).map(record);
    // Numbers alone are sorted, and the rows of the chosen ones read afterwards.
    const chosen = matching.clearSelect().select('producers.entry_id').limit(limit).offset(offset);
    const query = this.#joined()
      .where('producers.entry_id', 'in', chosen)
      .orderBy('producers.created_at', 'desc')
      .orderBy('producers.entry_id', 'desc');
    return this.#db.all(query).map(record);
  }

  update(entryId: number, change: ProducerChange): Producer {
    const status =
      change.state !== undefined ||
      change.receipt !== undefined ||
      change.epoch !== undefined ||
      change.ref !== undefined ||
      change.leftover !== undefined ||
      change.assigned !== undefined;
    return this.#db.write(status ? 'durable' : 'fast', () => {
      const producer = this.#require(entryId);
      if (change.state !== undefined) requireTransition('producer', producer.state, change.state, producer.path);
      const columns = columnsOf(change);
      if (Object.keys(columns).length === 0) return producer;
      this.#db.run(this.#db.query.updateTable('producers').set(columns).where('entry_id', '=', entryId));
      return this.#require(entryId);
    });
  }

  #require(entryId: number): Producer {
    return found(this.get(entryId), 'producer', entryId, 'stream/list');
  }

  #joined() {
    return this.#db.query
      .selectFrom('producers')
      .innerJoin('entries', 'entries.id', 'producers.entry_id')
      .innerJoin('runs', 'runs.id', 'entries.run_id')
      .where('runs.deleted_at', 'is', null)
      .selectAll('producers')
      .select(['entries.run_id', 'entries.path', 'runs.alias']);
  }
}

function columnsOf(change: ProducerChange): Partial<Selectable<Tables['producers']>> {
  const { goneAt = null, ...leftover } = change.leftover ?? {};
  return {
    ...defined({ state: change.state, epoch: change.epoch }),
    ...(change.ref === undefined ? {} : { ref: toJson(change.ref) }),
    ...defined({ boot_id: change.bootId, exit_code: change.exitCode, signal: change.signal }),
    ...(change.receipt === undefined ? {} : { receipt: toJson(change.receipt) }),
    ...defined({ started_at: change.startedAt, ended_at: change.endedAt, last_output_at: change.lastOutputAt }),
    ...(change.assigned === undefined ? {} : { assigned_to: change.assigned.runner, assigned_instance: change.assigned.instance }),
    ...(change.leftover === undefined ? {} : { leftover: toJson(leftover), leftover_gone_at: goneAt }),
  };
}

function record(row: Selectable<Tables['producers']> & { run_id: number; path: string; alias: string }): Producer {
  return {
    entryId: row.entry_id,
    runId: row.run_id,
    run: row.alias,
    path: row.path,
    backend: row.backend,
    runner: row.runner,
    ...(row.assigned_to === null ? {} : { assigned: { runner: row.assigned_to, instance: row.assigned_instance ?? '' } }),
    bootId: row.boot_id,
    spec: fromJson<ProducerSpec>(row.spec),
    epoch: row.epoch,
    state: row.state,
    ref: fromNullableJson<Record<string, unknown>>(row.ref),
    exitCode: row.exit_code,
    signal: row.signal,
    receipt: fromNullableJson<KillReceipt>(row.receipt),
    createdAt: row.created_at,
    startedAt: row.started_at,
    endedAt: row.ended_at,
    lastOutputAt: row.last_output_at,
    ...(row.leftover === null ? {} : { leftover: { ...fromJson<Leftover>(row.leftover), goneAt: row.leftover_gone_at } }),
  };
}
