import type { Statement } from 'better-sqlite3';
import type { Clock } from '../core/clock.ts';
import type { AuditStore } from '../model/ports/store.ts';
import type { Connection } from './connection.ts';

/** Who called what (SPEC {#rpc_log}). */
export class SqliteAudit implements AuditStore {
  readonly #db: Connection;
  readonly #clock: Clock;
  readonly #insert: Statement<[number, string, string, string | null, number, number]>;

  constructor(db: Connection, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
    this.#insert = db.prepare('insert into rpc_log (at, method, client, run, code, duration_ms) values (?, ?, ?, ?, ?, ?)');
  }

  record({
    method,
    client,
    run,
    code,
    durationMs,
  }: {
    method: string;
    client: string;
    run: string | null;
    code: number;
    durationMs: number;
  }): void {
    this.#db.write('fast', () => {
      this.#db.guardOutput();
      this.#insert.run(this.#clock.now(), method, client, run, code, durationMs);
    });
  }
}
