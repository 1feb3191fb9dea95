import type { Selectable } from 'kysely';
import type { Clock } from '../core/clock.ts';
import type { RunnerStore } from '../model/ports/store.ts';
import type { RunnerRecord } from '../model/records.ts';
import type { Connection } from './connection.ts';
import { fromJson, toJson } from './json.ts';
import { inserted } from './missing.ts';
import type { Tables } from './tables.ts';

/** Runners by name, and the id of the database that they serve. */
export class SqliteRunners implements RunnerStore {
  readonly #db: Connection;
  readonly #clock: Clock;

  constructor(db: Connection, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
  }

  get storeId(): string {
    return inserted(this.#db.first(this.#db.query.selectFrom('store_identity').select('id'))).id;
  }

  list(): RunnerRecord[] {
    return this.#db.all(this.#db.query.selectFrom('runners').selectAll().orderBy('name')).map(record);
  }

  register({ name, labels, backends, capacity, instance, owner, runs, version }: Omit<RunnerRecord, 'epoch' | 'lastSeen'>): RunnerRecord {
    const lists = { labels: toJson(labels), backends: toJson(backends), runs: toJson(runs) };
    const facts = { ...lists, capacity, instance, owner, version, last_seen: this.#clock.now() };
    const upsert = this.#db.query
      .insertInto('runners')
      .values({ name, epoch: 1, ...facts })
      .onConflict((conflict) => conflict.column('name').doUpdateSet((row) => ({ ...facts, epoch: row('runners.epoch', '+', 1) })))
      .returningAll();
    return record(inserted(this.#db.write('durable', () => this.#db.first(upsert))));
  }

  seen(name: string): void {
    const update = this.#db.query.updateTable('runners').set({ last_seen: this.#clock.now() }).where('name', '=', name);
    this.#db.write('fast', () => this.#db.run(update));
  }

  remove(name: string): void {
    this.#db.write('durable', () => this.#db.run(this.#db.query.deleteFrom('runners').where('name', '=', name)));
  }
}

function record(row: Selectable<Tables['runners']>): RunnerRecord {
  return {
    name: row.name,
    labels: fromJson<string[]>(row.labels),
    backends: fromJson<string[]>(row.backends),
    capacity: row.capacity,
    instance: row.instance,
    epoch: row.epoch,
    lastSeen: row.last_seen,
    owner: row.owner,
    runs: fromJson<string[]>(row.runs),
    version: row.version,
  };
}
