import type { Clock } from '../core/clock.ts';
import type { FileConstraint, FileRule } from '../model/file-change.ts';
import type { FileConstraintStore } from '../model/ports/store.ts';
import type { Connection } from './connection.ts';

/** File constraints of a project by pattern. */
export class SqliteFileConstraints implements FileConstraintStore {
  readonly #db: Connection;
  readonly #clock: Clock;

  constructor(db: Connection, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
  }

  list(projectId: number): FileConstraint[] {
    const query = this.#db.query.selectFrom('file_constraints').selectAll().where('project_id', '=', projectId);
    return this.#db.all(query.orderBy('pattern')).map((row) => ({ pattern: row.pattern, rule: row.rule, createdAt: row.created_at }));
  }

  set(projectId: number, pattern: string, rule: FileRule): void {
    const values = { project_id: projectId, pattern, rule, created_at: this.#clock.now() };
    this.#db.write('durable', () =>
      this.#db.run(
        this.#db.query
          .insertInto('file_constraints')
          .values(values)
          .onConflict((conflict) => conflict.columns(['project_id', 'pattern']).doUpdateSet({ rule, created_at: values.created_at })),
      ),
    );
  }

  remove(projectId: number, pattern: string): boolean {
    const removed = this.#db.write('durable', () =>
      this.#db.run(this.#db.query.deleteFrom('file_constraints').where('project_id', '=', projectId).where('pattern', '=', pattern)),
    );
    return removed > 0;
  }
}
