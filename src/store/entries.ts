import { type ExpressionBuilder, type Selectable, type SelectQueryBuilder, sql } from 'kysely';
import { countLines } from '../core/bytes.ts';
import type { Clock } from '../core/clock.ts';
import { defined } from '../core/defined.ts';
import { HeadgateError } from '../core/errors.ts';
import { requireScheme } from '../model/paths.ts';
import type { EntryChange, EntryFilter, EntryStore, NewEntry } from '../model/ports/store.ts';
import type { Attributes, Entry } from '../model/records.ts';
import type { Sight } from '../model/sight.ts';
import type { Connection } from './connection.ts';
import { isTaken } from './failures.ts';
import { fromJson, toJson } from './json.ts';
import { changedOne, found, inserted } from './missing.ts';
import type { Tables } from './tables.ts';
import { requireTransition } from './transitions.ts';
import { ofSight, ofVisibleRun } from './visible.ts';

type Row = Selectable<Tables['entries']>;

/** Every column but the body, which lies behind them on pages of its own. */
const LIGHT = [
  'entries.id',
  'entries.run_id',
  'entries.path',
  'entries.scheme',
  'entries.category',
  'entries.status',
  'entries.outcome',
  'entries.visibility',
  'entries.attributes',
  'entries.turn',
  'entries.loop_id',
  'entries.writer',
  'entries.bytes',
  'entries.lines',
  'entries.version',
  'entries.created_at',
  'entries.updated_at',
] as const;

/** Entries of a run by path. */
export class SqliteEntries implements EntryStore {
  readonly #db: Connection;
  readonly #clock: Clock;
  readonly #byId;
  readonly #get;
  readonly #has;

  constructor(db: Connection, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
    this.#byId = db.shape((id: number) =>
      db.query.selectFrom('entries').selectAll().where('id', '=', id).where(ofVisibleRun('entries.run_id')),
    );
    const at = (runId: number, path: string) =>
      db.query.selectFrom('entries').where('run_id', '=', runId).where('path', '=', path).where(ofVisibleRun('entries.run_id'));
    this.#get = db.shape((runId: number, path: string) => at(runId, path).selectAll());
    this.#has = db.shape((runId: number, path: string) => at(runId, path).select('id'));
  }

  emptied(id: number, attributes: Attributes): Entry {
    const row = found(this.#byId(id), 'entry', id, 'getEntries');
    const now = this.#clock.now();
    // A run of its own that is deleted: what is in it goes as that of any deleted run, in steps.
    const grave = this.#db.query
      .insertInto('runs')
      .columns(['project_id', 'alias', 'status', 'model', 'settings', 'created_at', 'updated_at', 'deleted_at'])
      .expression((db) =>
        db
          .selectFrom('runs')
          .select([
            'project_id',
            sql<string>`${` dropped ${id}`}`.as('alias'),
            'status',
            'model',
            'settings',
            sql<number>`${now}`.as('created_at'),
            sql<number>`${now}`.as('updated_at'),
            sql<number>`${now}`.as('deleted_at'),
          ])
          .where('id', '=', row.run_id),
      )
      .returning('id');
    const { id: buried } = inserted(this.#db.first(grave));
    this.#db.run(this.#db.query.updateTable('entries').set({ run_id: buried }).where('id', '=', id));
    const { run_id: runId, loop_id: loopId, path, category, status, outcome, visibility, turn, writer } = row;
    return this.create({ runId, loopId, path, category, status, outcome, visibility, turn, writer, attributes });
  }

  create(entry: NewEntry): Entry {
    const now = this.#clock.now();
    const insert = this.#db.query
      .insertInto('entries')
      .values({
        run_id: entry.runId,
        path: entry.path,
        scheme: requireScheme(entry.path),
        category: entry.category,
        status: entry.status,
        outcome: entry.outcome ?? null,
        visibility: entry.visibility ?? 'visible',
        turn: entry.turn,
        loop_id: entry.loopId ?? null,
        writer: entry.writer,
        created_at: now,
        updated_at: now,
        attributes: toJson(entry.attributes ?? {}),
        ...sized(entry.body ?? ''),
      })
      .returningAll();
    return record(inserted(unlessTaken(entry.path, () => this.#db.write('durable', () => this.#db.first(insert)))));
  }

  byId(id: number): Entry | undefined {
    const row = this.#byId(id);
    return row && record(row);
  }

  get(runId: number, path: string): Entry | undefined {
    const row = this.#get(runId, path);
    return row && record(row);
  }

  has(runId: number, path: string): boolean {
    return this.#has(runId, path) !== undefined;
  }

  list(filter: EntryFilter): Entry[] {
    if (filter.offset !== undefined || filter.limit !== undefined) return this.#byIds(this.#page(filter), filter.withoutBodies);
    const all = this.#rows(filter.withoutBodies).where(ofVisibleRun('entries.run_id'));
    return this.#db.all(narrowed(all, filter).orderBy('entries.id')).map(record);
  }

  /** Ids of one page of a listing. Only paths are looked at, which an index holds, so the bodies of other rows are not read. */
  #page(filter: EntryFilter): number[] {
    const { newest = false, offset = 0, limit = Number.MAX_SAFE_INTEGER } = filter;
    const all = this.#db.query.selectFrom('entries').select('entries.id').where(ofVisibleRun('entries.run_id'));
    const page = narrowed(all, filter)
      .orderBy('entries.id', newest ? 'desc' : 'asc')
      .limit(limit)
      .offset(offset);
    return this.#db.all(page).map((row) => row.id);
  }

  count(filter: EntryFilter): number {
    const counted = this.#db.query.selectFrom('entries').select((eb) => eb.fn.countAll<number>().as('count'));
    return this.#db.first(narrowed(counted.where(ofVisibleRun('entries.run_id')), filter))?.count ?? 0;
  }

  paths(runId: number, { prefix, after, limit }: { prefix: string; after: string; limit: number }): { id: number; path: string }[] {
    const paths = this.#db.query.selectFrom('entries').select(['entries.id', 'entries.path']).where(ofVisibleRun('entries.run_id'));
    return this.#db.all(narrowed(paths, { runId, prefix }).where('entries.path', '>', after).orderBy('entries.path').limit(limit));
  }

  pathsOf(sight: Sight, { prefix, from, to }: { prefix: string; from: number; to: number }): { id: number; path: string }[] {
    const paths = this.#db.query.selectFrom('entries').select(['entries.id', 'entries.path']);
    // One look at the run for each entry; a list of the project's runs would be made each time.
    const seen = (eb: ExpressionBuilder<Tables, 'entries'>) =>
      eb.exists(
        eb
          .selectFrom('runs')
          .select('runs.id')
          .whereRef('runs.id', '=', 'entries.run_id')
          .where('runs.deleted_at', 'is', null)
          .where(ofSight(sight, true)),
      );
    const page = narrowed(paths, { prefix }).where('entries.id', '>=', from).where('entries.id', '<', to);
    return this.#db.all(page.where(seen).orderBy('entries.id'));
  }

  lastId(): number {
    return this.#db.first(this.#db.query.selectFrom('entries').select((eb) => eb.fn.max('entries.id').as('id')))?.id ?? 0;
  }

  #byIds(ids: readonly number[], withoutBodies = false): Entry[] {
    if (ids.length === 0) return [];
    return this.#db.all(this.#rows(withoutBodies).where('entries.id', 'in', among(ids)).orderBy('entries.id')).map(record);
  }

  #rows(withoutBodies = false) {
    const rows = this.#db.query.selectFrom('entries');
    return withoutBodies ? rows.select([...LIGHT, sql<string>`''`.as('body')]) : rows.selectAll('entries');
  }

  bodies(ids: readonly number[]): ReadonlyMap<number, string> {
    if (ids.length === 0) return new Map();
    const query = this.#db.query.selectFrom('entries').select(['entries.id', 'entries.body']).where('entries.id', 'in', among(ids));
    return new Map(this.#db.all(query).map(({ id, body }) => [id, body]));
  }

  update(id: number, change: EntryChange): Entry {
    return this.#db.write('durable', () => {
      const entry = found(this.byId(id), 'entry', id, 'getEntries');
      if (change.status !== undefined) requireTransition('entry', entry.status, change.status, entry.path);
      if (change.body !== undefined && entry.body === '' && entry.bytes > 0) {
        throw new HeadgateError('conflict', `${entry.path} is a channel: its bytes are appended, never replaced`, { path: entry.path });
      }
      const update = this.#db.query
        .updateTable('entries')
        .set((eb) => ({
          version: eb('version', '+', 1),
          updated_at: this.#clock.now(),
          ...(change.path === undefined ? {} : { path: change.path, scheme: requireScheme(change.path) }),
          ...defined({ status: change.status, outcome: change.outcome, visibility: change.visibility }),
          ...(change.attributes === undefined ? {} : { attributes: toJson(change.attributes) }),
          ...defined({ writer: change.writer }),
          ...(change.body === undefined ? {} : sized(change.body)),
        }))
        .where('id', '=', id)
        .returningAll();
      return record(inserted(unlessTaken(change.path ?? entry.path, () => this.#db.first(update))));
    });
  }

  remove(id: number): void {
    const removed = this.#db.write('durable', () => this.#db.run(this.#db.query.deleteFrom('entries').where('id', '=', id)));
    changedOne(removed, 'entry', id, 'getEntries');
  }
}

function narrowed<R>(query: SelectQueryBuilder<Tables, 'entries', R>, filter: EntryFilter): SelectQueryBuilder<Tables, 'entries', R> {
  const { runId, sight, statuses, categories, turn, prefix, ids, beforeId, afterId } = filter;
  const seen = sight ? query.where('entries.run_id', 'in', (eb) => eb.selectFrom('runs').select('runs.id').where(ofSight(sight))) : query;
  return seen
    .$if(runId !== undefined, (q) => q.where('entries.run_id', '=', runId ?? 0))
    .$if(statuses !== undefined, (q) => q.where('entries.status', 'in', statuses ?? []))
    .$if(categories !== undefined, (q) => q.where('entries.category', 'in', categories ?? []))
    .$if(turn !== undefined, (q) => q.where('entries.turn', '=', turn ?? 0))
    .$if(ids !== undefined, (q) => q.where('entries.id', 'in', among(ids ?? [])))
    .$if(afterId !== undefined, (q) => q.where('entries.id', '>', afterId ?? 0))
    .$if(beforeId !== undefined, (q) => q.where('entries.id', '<', beforeId ?? 0))
    .$if(prefix !== undefined && prefix !== '', (q) =>
      // Paths are ASCII, so the range is exactly the paths that begin so, and the index finds it.
      q.where('entries.path', '>=', prefix ?? '').where('entries.path', '<', `${prefix ?? ''}\u007f`),
    );
}

/** One parameter for any number of ids, so that there is one statement to prepare. */
function among(ids: readonly number[]) {
  return sql<number>`(select value from json_each(${JSON.stringify(ids)}))`;
}

/** A body with the sizes kept beside it. */
function sized(body: string): { body: string; bytes: number; lines: number } {
  const bytes = Buffer.from(body);
  return { body, bytes: bytes.length, lines: countLines(bytes) };
}

function unlessTaken<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!isTaken(error)) throw error;
    throw new HeadgateError('conflict', `${path} exists already in this run; choose another path or change that entry`, { path });
  }
}

function record(row: Row): Entry {
  return {
    id: row.id,
    runId: row.run_id,
    path: row.path,
    scheme: row.scheme,
    category: row.category,
    status: row.status,
    outcome: row.outcome,
    visibility: row.visibility,
    body: row.body,
    attributes: fromJson<Attributes>(row.attributes),
    turn: row.turn,
    loopId: row.loop_id,
    bytes: row.bytes,
    lines: row.lines,
    version: row.version,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
