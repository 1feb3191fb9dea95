import type { Selectable } from 'kysely';
import type { Clock } from '../core/clock.ts';
import { HeadgateError } from '../core/errors.ts';
import type { TokenStore } from '../model/ports/store.ts';
import type { TokenRecord, TokenScope } from '../model/records.ts';
import type { Connection } from './connection.ts';
import { isTaken } from './failures.ts';
import { fromNullableJson, toJson } from './json.ts';
import { inserted } from './missing.ts';
import type { Tables } from './tables.ts';

/** Tokens by name: their hashes, never themselves (SPEC {#tokens}). */
export class SqliteTokens implements TokenStore {
  readonly #db: Connection;
  readonly #clock: Clock;

  constructor(db: Connection, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
  }

  list(): TokenRecord[] {
    return this.#db.all(this.#db.query.selectFrom('tokens').selectAll().orderBy('name')).map(record);
  }

  byHash(hash: string): TokenRecord | undefined {
    const row = this.#db.first(this.#db.query.selectFrom('tokens').selectAll().where('hash', '=', hash));
    return row && record(row);
  }

  add({ name, scope, hash, projects, ownRuns, expiresAt }: Omit<TokenRecord, 'createdAt' | 'lastUsedAt'>): TokenRecord {
    const insert = this.#db.query
      .insertInto('tokens')
      .values({
        name,
        scopes: scope,
        hash,
        created_at: this.#clock.now(),
        projects: projects && toJson(projects),
        expires_at: expiresAt,
        own_runs: ownRuns ? 1 : null,
      })
      .returningAll();
    try {
      return record(inserted(this.#db.write('durable', () => this.#db.first(insert))));
    } catch (error) {
      if (!isTaken(error)) throw error;
      throw new HeadgateError('alias_taken', `a token "${name}" exists already; revoke it first or choose another name`, { token: name });
    }
  }

  used(name: string, at: number): boolean {
    const update = this.#db.query.updateTable('tokens').set({ last_used_at: at }).where('name', '=', name);
    return this.#db.write('fast', () => this.#db.run(update)) > 0;
  }

  remove(name: string): boolean {
    const known = this.#db.first(this.#db.query.selectFrom('tokens').select('name').where('name', '=', name));
    if (!known) return false;
    this.#db.write('durable', () => this.#db.run(this.#db.query.deleteFrom('tokens').where('name', '=', name)));
    return true;
  }
}

function record(row: Selectable<Tables['tokens']>): TokenRecord {
  return {
    name: row.name,
    scope: row.scopes as TokenScope,
    hash: row.hash,
    createdAt: row.created_at,
    projects: fromNullableJson<string[]>(row.projects),
    ownRuns: row.own_runs === 1,
    expiresAt: row.expires_at,
    lastUsedAt: row.last_used_at,
  };
}
