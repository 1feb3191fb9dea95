import type { Selectable } from 'kysely';
import type { ProjectStore } from '../model/ports/store.ts';
import type { Project } from '../model/records.ts';
import type { Connection } from './connection.ts';
import { inserted } from './missing.ts';
import type { Tables } from './tables.ts';

/** Projects by name. */
export class SqliteProjects implements ProjectStore {
  readonly #db: Connection;
  readonly #byId;

  constructor(db: Connection) {
    this.#db = db;
    this.#byId = db.shape((id: number) => db.query.selectFrom('projects').selectAll().where('id', '=', id));
  }

  open({ name, root, configPath }: { name: string; root: string; configPath: string | null }): Project {
    const known = this.#db.first(this.#db.query.selectFrom('projects').selectAll().where('name', '=', name));
    if (known && known.root === root && known.config_path === configPath) return record(known);
    const place = { root, config_path: configPath };
    const upsert = this.#db.query
      .insertInto('projects')
      .values({ name, ...place })
      .onConflict((conflict) => conflict.column('name').doUpdateSet(place))
      .returningAll();
    return record(inserted(this.#db.write('durable', () => this.#db.first(upsert))));
  }

  byId(id: number): Project | undefined {
    const row = this.#byId(id);
    return row && record(row);
  }

  list(): Project[] {
    return this.#db.all(this.#db.query.selectFrom('projects').selectAll().orderBy('id')).map(record);
  }

  withRun(alias: string, madeWith: string | null): Project[] {
    const query = this.#db.query
      .selectFrom('projects')
      .selectAll()
      .where('id', 'in', (eb) =>
        eb
          .selectFrom('runs')
          .select('runs.project_id')
          .where('runs.alias', '=', alias)
          .$if(madeWith !== null, (q) => q.where('runs.made_with', '=', madeWith)),
      )
      .orderBy('id');
    return this.#db.all(query).map(record);
  }
}

function record(row: Selectable<Tables['projects']>): Project {
  return { id: row.id, name: row.name, root: row.root, configPath: row.config_path };
}
