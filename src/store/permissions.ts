import type { Selectable } from 'kysely';
import type { Clock } from '../core/clock.ts';
import type { PermissionStore } from '../model/ports/store.ts';
import type { NewPermission, PermissionRecord } from '../model/records.ts';
import type { Connection } from './connection.ts';
import { inserted } from './missing.ts';
import type { Tables } from './tables.ts';

/** Rules of a project that people have made, and those that they took back (SPEC {#policy_audit}). */
export class SqlitePermissions implements PermissionStore {
  readonly #db: Connection;
  readonly #clock: Clock;

  constructor(db: Connection, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
  }

  list(projectId: number, removed = false): PermissionRecord[] {
    const rows = this.#db.query.selectFrom('permissions').selectAll().where('project_id', '=', projectId).orderBy('id');
    return this.#db.all(removed ? rows : rows.where('removed_at', 'is', null)).map(record);
  }

  add({ projectId, tool, pattern, folder, decision, by, via }: NewPermission): PermissionRecord {
    const insert = this.#db.query
      .insertInto('permissions')
      .values({ project_id: projectId, action: tool, pattern, folder, decision, granted_by: by, via, created_at: this.#clock.now() })
      .returningAll();
    return record(inserted(this.#db.write('durable', () => this.#db.first(insert))));
  }

  remove(projectId: number, id: number, by: string): PermissionRecord | undefined {
    const update = this.#db.query
      .updateTable('permissions')
      .set({ removed_by: by, removed_at: this.#clock.now() })
      .where('project_id', '=', projectId)
      .where('id', '=', id)
      .where('removed_at', 'is', null)
      .returningAll();
    const row = this.#db.write('durable', () => this.#db.first(update));
    return row && record(row);
  }
}

function record(row: Selectable<Tables['permissions']>): PermissionRecord {
  return {
    id: row.id,
    projectId: row.project_id,
    tool: row.action,
    pattern: row.pattern,
    folder: row.folder,
    decision: row.decision,
    by: row.granted_by,
    via: row.via,
    at: row.created_at,
    removedBy: row.removed_by,
    removedAt: row.removed_at,
  };
}
