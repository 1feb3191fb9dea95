import type { Statement } from 'better-sqlite3';
import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { Connection } from './connection.ts';
import { OutputRetention } from './output-retention.ts';

/** How long data is kept that is not deleted by a client (SPEC {#retention}). */
export interface Retention {
  /** Days that a record of a call is kept. */
  readonly rpcLogDays: number;
  /** Records of calls kept at the most. */
  readonly rpcLogRows: number;
  /** Days that an event of no existing run is kept; a run's events are kept as long as the run. */
  readonly eventsDays: number;
  /** Days without a change after which a run at rest is deleted; never when left out. */
  readonly runsDays?: number | undefined;
  /** Days after its end that the output of a command is kept; for ever when left out (SPEC {#output_retention}). */
  readonly outputDays?: number | undefined;
  /** Bytes of output that are kept of all commands together; any number when left out. */
  readonly outputBytes?: number | undefined;
}

export const DEFAULT_RETENTION: Retention = { rpcLogDays: 30, rpcLogRows: 1_000_000, eventsDays: 7 };

const DAY_MS = 24 * 60 * 60 * 1000;
/** Rows that one step deletes at the most. */
const STEP_ROWS = 200;

/** What retention works on, and what it calls. */
export interface RetentionOptions {
  readonly db: Connection;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly keep: Retention;
  /** Deletes a run that has rested for longer than it is kept. */
  readonly expire: (runId: number) => void;
  /** Drops the output of a command. */
  readonly drop: (entryId: number) => void;
  /** Runs that are being made. */
  readonly copies: () => readonly number[];
}

/** Deletes what has exceeded its retention, a little at a time. */
export class RetentionSteps {
  readonly #db: Connection;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #keep: Retention;
  readonly #expire: (runId: number) => void;
  readonly #copies: () => readonly number[];
  readonly #outputs: OutputRetention;
  readonly #lastCall: Statement<[], number | null>;
  readonly #dropCalls: Statement<[number, number, number]>;
  readonly #oldEvents: Statement<[number, number], { id: number; project_id: number; seq: number }>;
  readonly #dropEvent: Statement<[number]>;
  readonly #trimmed: Statement<[number, number]>;
  readonly #nextRun: Statement<[number, number, number], { id: number; alias: string; resting: number }>;
  /** Number of the last run that was looked at in this round. */
  #lookedAt = 0;

  constructor(options: RetentionOptions) {
    const { db } = options;
    this.#expire = options.expire;
    this.#copies = options.copies;
    const { outputBytes, outputDays } = options.keep;
    this.#outputs = new OutputRetention(
      db,
      { outputBytes, outputMs: outputDays === undefined ? undefined : outputDays * DAY_MS },
      options.drop,
    );
    this.#db = db;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#keep = options.keep;
    this.#lastCall = db.prepare<[], number | null>('select max(id) from rpc_log').pluck();
    // Oldest first, by number: an index over the time would have to be kept with every call.
    this.#dropCalls = db.prepare('delete from rpc_log where id in (select id from rpc_log order by id limit ?) and (at < ? or id <= ?)');
    this.#oldEvents = db.prepare('select id, project_id, seq from events where run_id is null and at < ? order by at limit ?');
    this.#dropEvent = db.prepare('delete from events where id = ?');
    this.#trimmed = db.prepare('update projects set trimmed_to = max(trimmed_to, ?) where id = ?');
    this.#nextRun = db.prepare(`select id, alias,
        status not in (102, 202)
        and not exists (select 1 from loops where run_id = runs.id and status in (100, 102))
        and not exists (select 1 from entries where run_id = runs.id and status in (100, 102, 202))
        and not exists (
          select 1 from entries join producers on producers.entry_id = entries.id
          where run_id = runs.id and (producers.state in ('queued', 'running', 'cancelling')
            or producers.leftover is not null and producers.leftover_gone_at is null))
        and not exists (select 1 from entries where run_id = runs.id and updated_at >= ?)
        as resting
      from runs where id > ? and deleted_at is null and updated_at < ? order by id limit 1`);
  }

  /** Does one step in a transaction of its own; false when nothing is left to do in this round. */
  step(): boolean {
    return this.#calls() || this.#events() || this.#runs() || this.#output();
  }

  /** Not while runs are copied: a channel that is emptied meanwhile would be in the copy twice. */
  #output(): boolean {
    return this.#copies().length === 0 && this.#outputs.step(this.#clock.now());
  }

  #calls(): boolean {
    const newest = this.#lastCall.get() ?? 0;
    const before = this.#clock.now() - this.#keep.rpcLogDays * DAY_MS;
    return this.#db.write('fast', () => this.#dropCalls.run(STEP_ROWS, before, newest - this.#keep.rpcLogRows).changes > 0);
  }

  #events(): boolean {
    const old = this.#oldEvents.all(this.#clock.now() - this.#keep.eventsDays * DAY_MS, STEP_ROWS);
    if (old.length === 0) return false;
    this.#db.group('fast', () => {
      for (const { id, project_id, seq } of old) {
        this.#dropEvent.run(id);
        this.#trimmed.run(seq, project_id);
      }
    });
    return true;
  }

  /** Looks at one run. */
  #runs(): boolean {
    const { runsDays } = this.#keep;
    if (runsDays === undefined) return false;
    const before = this.#clock.now() - runsDays * DAY_MS;
    const run = this.#nextRun.get(before, this.#lookedAt, before);
    this.#lookedAt = run?.id ?? 0;
    if (run === undefined) return false;
    if (run.resting === 1) {
      this.#expire(run.id);
      this.#logger.info({ run: run.alias, runsDays }, 'a run at rest for so long is deleted');
    }
    return true;
  }
}
