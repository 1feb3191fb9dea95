import type { Statement } from 'better-sqlite3';
import type { Connection } from './connection.ts';
import { DELETED_RUNS } from './visible.ts';

/** Bytes of segments that one statement deletes at the most, give or take one segment. */
const PIECE_BYTES = 512 * 1024;
/** Segments, and other rows, that one statement deletes at the most. */
const PIECE_SEGMENTS = 64;
const PIECE_ROWS = 100;
/** Marks of a channel's file. */
const PIECE_MARKS = 500;

/**
 * Deletes what deleted runs held, a little at a time. Everything is found by the run's row, which goes last: whenever
 * the process ends in between, the next one goes on (SPEC {#run_delete}).
 */
export class Deletions {
  readonly #copies: () => readonly number[];
  readonly #run: Statement<[string], number>;
  readonly #entry: Statement<[number], number>;
  readonly #segments: Statement<[number, number], { offset: number; size: number }>;
  readonly #dropSegments: Statement<[number, number]>;
  readonly #dropMarks: Statement<[number, number]>;
  readonly #file: Statement<[number], string>;
  readonly #discard: (file: string) => void;
  readonly #dropEntry: Statement<[number]>;
  readonly #dropEvents: Statement<[number, number]>;
  readonly #turn: Statement<[number], number>;
  readonly #dropContext: Statement<[number, number]>;
  readonly #dropTurn: Statement<[number]>;
  readonly #dropMessages: Statement<[number, number]>;
  readonly #dropLoops: Statement<[number, number]>;
  readonly #dropRun: Statement<[number]>;

  /** `copies`: runs that are out of sight because they are being made (SPEC {#run_fork}). `discard` removes the file of a channel. */
  constructor(db: Connection, options: { copies: () => readonly number[]; discard: (file: string) => void }) {
    this.#copies = options.copies;
    this.#discard = options.discard;
    this.#run = db.prepare<[string], number>(`${DELETED_RUNS} and id not in (select value from json_each(?)) order by id limit 1`).pluck();
    this.#entry = db.prepare<[number], number>('select id from entries where run_id = ? order by path limit 1').pluck();
    this.#segments = db.prepare('select offset, length(bytes) as size from segments where entry_id = ? order by offset limit ?');
    this.#dropSegments = db.prepare('delete from segments where entry_id = ? and offset <= ?');
    this.#dropMarks = db.prepare(`delete from channel_marks where entry_id = ? and offset in
      (select offset from channel_marks where entry_id = ? order by offset limit ${PIECE_MARKS})`);
    this.#file = db.prepare<[number], string>('select file from channel_files where entry_id = ?').pluck();
    this.#dropEntry = db.prepare('delete from entries where id = ?');
    this.#dropEvents = db.prepare('delete from events where id in (select id from events where run_id = ? limit ?)');
    this.#turn = db.prepare<[number], number>('select id from turns where run_id = ? order by sequence limit 1').pluck();
    this.#dropContext = db.prepare(
      'delete from turn_context where rowid in (select rowid from turn_context where turn_id = ? order by ordinal limit ?)',
    );
    this.#dropTurn = db.prepare('delete from turns where id = ?');
    this.#dropMessages = db.prepare('delete from context_messages where id in (select id from context_messages where run_id = ? limit ?)');
    this.#dropLoops = db.prepare('delete from loops where id in (select id from loops where run_id = ? limit ?)');
    this.#dropRun = db.prepare('delete from runs where id = ?');
  }

  /** Deletes a piece within the open transaction and returns its bytes, roughly; undefined when nothing is left. */
  piece(): number | undefined {
    const run = this.#run.get(JSON.stringify(this.#copies()));
    if (run === undefined) return undefined;
    const entry = this.#entry.get(run);
    if (entry !== undefined) return this.#entryPiece(entry);
    if (this.#dropEvents.run(run, PIECE_ROWS).changes > 0) return PIECE_BYTES;
    const turn = this.#turn.get(run);
    if (turn !== undefined) {
      if (this.#dropContext.run(turn, PIECE_ROWS).changes === 0) this.#dropTurn.run(turn);
      return 0;
    }
    if (this.#dropMessages.run(run, PIECE_SEGMENTS).changes > 0) return PIECE_BYTES;
    if (this.#dropLoops.run(run, 1).changes === 0) this.#dropRun.run(run);
    return 0;
  }

  #entryPiece(entry: number): number {
    if (this.#dropMarks.run(entry, entry).changes > 0) return 0;
    let [bytes, last] = [0, -1];
    for (const { offset, size } of this.#segments.all(entry, PIECE_SEGMENTS)) {
      bytes += size;
      last = offset;
      if (bytes >= PIECE_BYTES) break;
    }
    if (last < 0) {
      const file = this.#file.get(entry);
      this.#dropEntry.run(entry);
      if (file !== undefined) this.#discard(file);
    } else this.#dropSegments.run(entry, last);
    return bytes;
  }
}
