import type { Database, Statement } from 'better-sqlite3';
import { type Compilable, DummyDriver, Kysely, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from 'kysely';
import { HeadgateError } from '../core/errors.ts';
import { isDangling, isDiskFailure, transactionFailure } from './failures.ts';
import type { Tables } from './tables.ts';

export type Durability = 'durable' | 'fast';

/** Distinct statements kept prepared; more come only from lists of varying length. */
const CACHED_STATEMENTS = 256;
/** `PRAGMA synchronous`: FULL waits for the disk at each commit, NORMAL at checkpoints only. */
const SYNCHRONOUS = { durable: 'FULL', fast: 'NORMAL' } as const;

/** A kysely that only compiles: better-sqlite3 runs what it makes. */
function compiler(): Kysely<Tables> {
  return new Kysely<Tables>({
    dialect: {
      createAdapter: () => new SqliteAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (db) => new SqliteIntrospector(db),
      createQueryCompiler: () => new SqliteQueryCompiler(),
    },
  });
}

/** Who wants to know of transactions. */
export interface CommitWatcher {
  beforeBegin(): void;
  committed(): void;
}

/** Who wants to know that the disk failed a transaction. */
export interface FailureWatcher {
  failed(error: unknown): void;
  /** True while there is little space left, which output may not take. */
  isTight(): boolean;
}

function noSpace(why: string): HeadgateError {
  return new HeadgateError('overloaded', `${why} and nothing was stored; free some space on the disk, then try again`, {
    retry_after_ms: 1000,
    cause: 'SQLITE_FULL',
  });
}

/** A row that points to a deleted one is the caller's mistake, or its bad luck. */
function explained<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!isDangling(error)) throw error;
    throw new HeadgateError(
      'not_found',
      'the project, run, loop or entry that this belongs to is gone; getRuns lists what there is',
      {},
      { cause: error },
    );
  }
}

/** The one connection that writes: runs compiled queries synchronously and owns the transactions. */
export class Connection {
  readonly query: Kysely<Tables> = compiler();
  readonly #db: Database;
  readonly #statements = new Map<string, Statement<unknown[], unknown>>();
  readonly #watcher: CommitWatcher | undefined;
  readonly #failures: FailureWatcher | undefined;
  readonly #begin: Statement;
  readonly #commit: Statement;
  readonly #rollback: Statement;
  readonly #savepoint: Statement;
  readonly #release: Statement;
  readonly #undo: Statement;
  #synchronous: Durability | undefined;
  /** Durability of the open transaction. */
  #open: Durability | undefined;

  constructor(db: Database, watcher?: CommitWatcher, failures?: FailureWatcher) {
    this.#db = db;
    this.#failures = failures;
    this.#watcher = watcher;
    this.#begin = db.prepare('begin immediate');
    this.#commit = db.prepare('commit');
    this.#rollback = db.prepare('rollback');
    // One name serves any depth: SQLite takes the innermost savepoint of it.
    this.#savepoint = db.prepare('savepoint nested');
    this.#release = db.prepare('release nested');
    this.#undo = db.prepare('rollback to nested');
  }

  /** Prepares a hot statement, once, by hand. A caller that runs it in a transaction calls `guard` first. */
  prepare<P extends unknown[], R = unknown>(source: string): Statement<P, R> {
    return this.#db.prepare<P, R>(source);
  }

  /** Lets triggers of this connection call `work`. */
  define(name: string, work: (...values: number[]) => void): void {
    this.#db.function(name, work);
  }

  /** Runs a statement that prepared statements do not run to its end, such as a pragma that works in steps. */
  exec(source: string): void {
    this.guard();
    this.#db.exec(source);
  }

  /**
   * The first row of a query that is made often: it is compiled once. `build` is given a stand-in for each parameter, and puts it where a value
   * goes; what it does otherwise must not depend on the parameters.
   */
  shape<P extends readonly (string | number | null)[], R>(build: (...parameters: P) => Compilable<R>): (...parameters: P) => R | undefined {
    const standIns = Array.from({ length: build.length }, (_, index) => ({ index }));
    let compiled: { readonly sql: string; readonly places: readonly unknown[] } | undefined;
    return (...parameters) => {
      if (!compiled) {
        const { sql, parameters: places } = build(...(standIns as unknown as P)).compile();
        compiled = { sql, places };
      }
      const { sql, places } = compiled;
      const values = places.map((place) => {
        const index = standIns.indexOf(place as (typeof standIns)[number]);
        return index < 0 ? place : parameters[index];
      });
      return explained(() => this.#statement(sql).get(...values)) as R | undefined;
    };
  }

  /** Every row of a query. */
  all<R>(query: Compilable<R>): R[] {
    const { sql, parameters } = query.compile();
    return this.#statement(sql).all(...parameters) as R[];
  }

  /** The first row of a query. */
  first<R>(query: Compilable<R>): R | undefined {
    const { sql, parameters } = query.compile();
    return explained(() => this.#statement(sql).get(...parameters)) as R | undefined;
  }

  /** Runs a query that returns no rows; returns how many it changed. */
  run(query: Compilable<unknown>): number {
    const { sql, parameters } = query.compile();
    return explained(() => this.#statement(sql).run(...parameters).changes);
  }

  /**
   * Runs `work` in one transaction of that durability (SPEC {#durability}). A nested call joins the outer one: when its
   * work throws, what it wrote is undone and the outer work may go on. Throws what `work` throws, `overloaded` when the
   * disk is full, and an Error for `durable` within `fast`, which could not keep its promise.
   */
  transaction<T>(durability: Durability, work: () => T): T {
    if (this.#open === undefined) return this.#outermost(durability, work);
    if (durability === 'durable' && this.#open === 'fast') {
      throw new Error('a durable transaction within a fast one would not be durable; make the outer one durable');
    }
    return this.#nested(work);
  }

  /** One statement that writes: in the open transaction, or in one of its own. */
  write<T>(durability: Durability, work: () => T): T {
    return this.#open === undefined ? this.#outermost(durability, work) : work();
  }

  /** Several statements that belong together: undone together in the open transaction, or in one of their own. */
  group<T>(durability: Durability, work: () => T): T {
    return this.#open === undefined ? this.#outermost(durability, work) : this.#nested(work);
  }

  /** Throws when SQLite has given up the open transaction (a full disk does that): a write would be stored alone. */
  guard(): void {
    if (this.#open !== undefined && !this.#db.inTransaction) throw noSpace('the database gave the transaction up');
  }

  /** The same for output and records, which leave the last space of a full disk to what people ask for (SPEC {#disk_full}). */
  guardOutput(): void {
    this.guard();
    if (this.#failures?.isTight()) throw noSpace('the disk of the data folder is full');
  }

  #statement(sql: string): Statement<unknown[], unknown> {
    this.guard();
    let statement = this.#statements.get(sql);
    if (!statement) {
      if (this.#statements.size >= CACHED_STATEMENTS) this.#statements.clear();
      statement = this.#db.prepare<unknown[], unknown>(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  #outermost<T>(durability: Durability, work: () => T): T {
    // Within a transaction the pragma has no effect, and it is parsed again each time: only when it changes.
    if (this.#synchronous !== durability) {
      this.#db.pragma(`synchronous = ${SYNCHRONOUS[durability]}`);
      this.#synchronous = durability;
    }
    this.#watcher?.beforeBegin();
    let result: T;
    try {
      this.#begin.run();
      this.#open = durability;
      result = work();
      if (result instanceof Promise) throw new Error('the work of a transaction may not be asynchronous');
      this.guard();
      this.#commit.run();
    } catch (error) {
      if (this.#db.inTransaction) this.#rollback.run();
      if (isDiskFailure(error)) this.#failures?.failed(error);
      throw transactionFailure(error);
    } finally {
      this.#open = undefined;
    }
    this.#watcher?.committed();
    return result;
  }

  #nested<T>(work: () => T): T {
    this.guard();
    this.#savepoint.run();
    try {
      const result = work();
      this.guard();
      this.#release.run();
      return result;
    } catch (error) {
      if (this.#db.inTransaction) {
        this.#undo.run();
        this.#release.run();
      }
      throw error;
    }
  }
}
