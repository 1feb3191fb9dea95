import type { Statement } from 'better-sqlite3';
import { channelPath, parseLogPath } from '../model/paths.ts';
import type { Connection } from './connection.ts';
import { DELETED_RUNS } from './visible.ts';

/** Commands that one step looks at. */
const STEP_COMMANDS = 100;

interface Command {
  readonly id: number;
  readonly run_id: number;
  readonly path: string;
  readonly attributes: string;
  readonly ended_at: number | null;
  readonly at_rest: number;
}

/**
 * Finds commands whose output is kept no longer, from the newest to the oldest, a few in each step: what lies beyond so many bytes, and what
 * ended before so long (SPEC {#output_retention}). What runs counts, and stays.
 */
export class OutputRetention {
  readonly #commands: Statement<[number, number], Command>;
  readonly #bytes: Statement<[number, string], number>;
  readonly #keep: { readonly outputBytes?: number | undefined; readonly outputMs?: number | undefined };
  readonly #drop: (entryId: number) => void;
  /** Where the round is, and what it has found that is kept. */
  #before = Number.MAX_SAFE_INTEGER;
  #kept = 0;

  constructor(db: Connection, keep: { outputBytes?: number | undefined; outputMs?: number | undefined }, drop: (entryId: number) => void) {
    this.#keep = keep;
    this.#drop = drop;
    this.#commands = db.prepare(`select entries.id, run_id, path, attributes, producers.ended_at,
        entries.status not in (100, 102, 202) and state not in ('queued', 'running', 'cancelling') and (leftover is null or leftover_gone_at is not null) as at_rest
      from producers join entries on entries.id = entry_id
      where entry_id < ? and run_id not in (${DELETED_RUNS}) order by entry_id desc limit ?`);
    this.#bytes = db.prepare<[number, string], number>('select bytes from entries where run_id = ? and path = ?').pluck();
  }

  /** Looks at some commands; false at the end of a round, and where everything is kept. */
  step(now: number): boolean {
    const { outputBytes, outputMs } = this.#keep;
    if (outputBytes === undefined && outputMs === undefined) return false;
    const commands = this.#commands.all(this.#before, STEP_COMMANDS);
    const last = commands.at(-1);
    if (!last) {
      [this.#before, this.#kept] = [Number.MAX_SAFE_INTEGER, 0];
      return false;
    }
    for (const command of commands) {
      const bytes = this.#bytesOf(command);
      const isOld = outputMs !== undefined && command.ended_at !== null && command.ended_at < now - outputMs;
      const isBeyond = outputBytes !== undefined && this.#kept + bytes > outputBytes;
      if (bytes > 0 && command.at_rest === 1 && (isOld || isBeyond)) this.#drop(command.id);
      else this.#kept += bytes;
    }
    this.#before = last.id;
    return true;
  }

  #bytesOf({ run_id, path, attributes }: Command): number {
    const parts = parseLogPath(path);
    const { channels } = JSON.parse(attributes) as { channels?: unknown };
    if (!parts || !Array.isArray(channels)) return 0;
    return channels.reduce<number>((sum, number) => sum + (this.#bytes.get(run_id, channelPath(parts, Number(number))) ?? 0), 0);
  }
}
