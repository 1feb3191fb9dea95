import type { Selectable } from 'kysely';
import { HeadgateError } from '../core/errors.ts';
import type { ModelStore } from '../model/ports/store.ts';
import type { Dialect } from '../model/provider-kind.ts';
import type { ModelRecord, Price } from '../model/records.ts';
import type { Connection } from './connection.ts';
import { isTaken } from './failures.ts';
import { fromJson, toJson } from './json.ts';
import type { Tables } from './tables.ts';

/** Models of a project by alias. */
export class SqliteModels implements ModelStore {
  readonly #db: Connection;

  constructor(db: Connection) {
    this.#db = db;
  }

  list(projectId: number): ModelRecord[] {
    return this.#db.all(this.#db.query.selectFrom('models').selectAll().where('project_id', '=', projectId).orderBy('alias')).map(record);
  }

  get(projectId: number, alias: string): ModelRecord | undefined {
    const row = this.#db.first(
      this.#db.query.selectFrom('models').selectAll().where('project_id', '=', projectId).where('alias', '=', alias),
    );
    return row && record(row);
  }

  add(projectId: number, { alias, actual, provider, contextLength, dialect, price }: ModelRecord): void {
    try {
      this.#db.write('durable', () =>
        this.#db.run(
          this.#db.query.insertInto('models').values({
            project_id: projectId,
            alias,
            actual,
            provider,
            context_length: contextLength,
            dialect,
            price: price ? toJson(price) : null,
          }),
        ),
      );
    } catch (error) {
      if (!isTaken(error)) throw error;
      throw new HeadgateError('alias_taken', `a model "${alias}" exists already; remove it first or choose another alias`, { alias });
    }
  }

  remove(projectId: number, alias: string): boolean {
    const removed = this.#db.write('durable', () =>
      this.#db.run(this.#db.query.deleteFrom('models').where('project_id', '=', projectId).where('alias', '=', alias)),
    );
    return removed > 0;
  }
}

function record(row: Selectable<Tables['models']>): ModelRecord {
  const { alias, actual, provider, context_length: contextLength } = row;
  return {
    alias,
    actual,
    provider,
    contextLength,
    dialect: row.dialect as Dialect | null,
    ...(row.price === null ? {} : { price: fromJson<Price>(row.price) }),
  };
}
