import type { Statement } from 'better-sqlite3';
import { countLines } from '../core/bytes.ts';
import { HeadgateError } from '../core/errors.ts';
import type { ChannelHead, ChannelStore, SegmentWrite } from '../model/ports/store.ts';
import type { Segment } from '../model/records.ts';
import type { ChannelMarks, Piece as FilePiece, FileRow } from './channel-marks.ts';
import type { Connection } from './connection.ts';
import { DELETED_RUNS } from './visible.ts';

type Piece = Omit<Segment, 'at'>;

const NOTHING = Buffer.alloc(0);

/** Tells how long the write-ahead log is. */
export interface LogWatcher {
  wrote(bytes: number): void;
  room(): Promise<void> | undefined;
}

/**
 * Channels as lists of segments, and of marks in a file (SPEC {#segments}, {#channel_files}). Every statement here is hot: prepared once, by hand, and each
 * reaches its segments by an index.
 */
export class SqliteChannels implements ChannelStore {
  readonly #db: Connection;
  readonly #marks: ChannelMarks;
  readonly #log: LogWatcher | undefined;
  readonly #head: Statement<[number], ChannelHead>;
  readonly #size: Statement<[number], number>;
  readonly #extend: Statement<[number, number, number, number, number, number]>;
  readonly #insert: Statement<[number, number, number, number, Uint8Array]>;
  readonly #start: Statement<[number, number], number>;
  readonly #read: Statement<[number, number, number], Buffer | null>;
  readonly #segments: Statement<[number, number, number], Segment>;
  readonly #times: Statement<[number, number, number], Pick<Segment, 'offset' | 'at'>>;
  readonly #holder: Statement<[number, number], Piece>;
  readonly #lineHolder: Statement<[number, number], Piece>;

  /** Without a write-ahead log that is watched, there is always room. */
  constructor(db: Connection, marks: ChannelMarks, log?: LogWatcher) {
    this.#db = db;
    this.#marks = marks;
    this.#log = log;
    this.#head = db.prepare(`select bytes, lines from entries where id = ? and run_id not in (${DELETED_RUNS})`);
    this.#size = db.prepare<[number], number>('select bytes from entries where id = ?').pluck();
    // An entry with a text of its own is no channel: its size counts that text.
    this.#extend = db.prepare(
      `update entries set bytes = bytes + ?, lines = lines + ?, updated_at = ? where id = ? and bytes = ? and lines = ? and body = ''
        and run_id not in (${DELETED_RUNS})`,
    );
    this.#insert = db.prepare('insert into segments (entry_id, offset, line, at, bytes) values (?, ?, ?, ?, ?)');
    this.#start = db
      .prepare<[number, number], number>(
        `select offset from segments
        where entry_id = ? and offset <= ?
          and not exists (select 1 from entries where id = segments.entry_id and run_id in (${DELETED_RUNS}))
        order by offset desc limit 1`,
      )
      .pluck();
    // Joined by SQLite: of tiny segments a page holds 100,000, and a Buffer for each takes twenty times as long.
    this.#read = db
      .prepare<[number, number, number], Buffer | null>(
        `select cast(group_concat(bytes, '') as blob) from (
          select bytes from segments where entry_id = ? and offset >= ? and offset < ? order by offset)`,
      )
      .pluck();
    this.#segments = db.prepare('select offset, line, at, bytes from segments where entry_id = ? and offset >= ? order by offset limit ?');
    this.#times = db.prepare('select offset, at from segments where entry_id = ? and offset >= ? and offset < ? order by offset');
    this.#holder = db.prepare('select offset, line, bytes from segments where entry_id = ? and offset <= ? order by offset desc limit 1');
    this.#lineHolder = db.prepare(
      'select offset, line, bytes from segments where entry_id = ? and line < ? order by line desc, offset desc limit 1',
    );
  }

  head(entryId: number): ChannelHead {
    const head = this.#head.get(entryId);
    if (!head) throw gone(entryId);
    return head;
  }

  append(writes: readonly SegmentWrite[]): void {
    this.#db.group('fast', () => {
      for (const write of writes) if (write.bytes.length > 0) this.#append(write);
    });
  }

  #append(write: SegmentWrite): void {
    const { entryId, offset, bytes, line, at, lines } = write;
    this.#db.guardOutput();
    if (this.#extend.run(bytes.length, lines, at, entryId, offset, line).changes === 0) throw this.#refusal(entryId, offset, line);
    if (this.#marks.add(write)) return;
    this.#insert.run(entryId, offset, line, at, bytes);
    this.#log?.wrote(bytes.length);
  }

  room(): Promise<void> | undefined {
    return this.#log?.room();
  }

  /** Why an append found no channel of exactly that length. */
  #refusal(entryId: number, offset: number, line: number): Error {
    const head = this.head(entryId);
    if (head.bytes !== offset) {
      return new HeadgateError('offset_conflict', `the channel has ${head.bytes} bytes, not ${offset}; go on from ${head.bytes}`, {
        expected: head.bytes,
      });
    }
    if (head.lines !== line) return new Error(`the channel has ${head.lines} lines, not ${line}: the writer miscounted`);
    return new HeadgateError('conflict', 'the entry has a text of its own and is no channel; append to a channel', { id: entryId });
  }

  read(entryId: number, from: number, maxBytes: number): Buffer {
    if (maxBytes <= 0) return NOTHING;
    const stored = () => Math.max(0, Math.min(maxBytes, (this.#head.get(entryId)?.bytes ?? 0) - from));
    const file = this.#marks.grown(entryId, from);
    if (file !== undefined) return this.#marks.readFile(file, from, stored());
    const row = this.#marks.of(entryId);
    if (row) return this.#marks.read(row, entryId, from, stored());
    const start = this.#start.get(entryId, from);
    if (start === undefined) return NOTHING;
    const bytes = this.#read.get(entryId, start, from + maxBytes) ?? NOTHING;
    return bytes.subarray(from - start, from - start + maxBytes);
  }

  offsetOfLine(entryId: number, line: number): number {
    const head = this.head(entryId);
    if (line <= 0) return 0;
    if (line > head.lines) return head.bytes;
    // The LF that ends the line before lies in the last segment that begins with fewer LFs behind it.
    const row = this.#marks.of(entryId);
    const piece = row ? this.#whole(row, entryId, this.#marks.lineHolder(entryId, line, head.bytes)) : this.#lineHolder.get(entryId, line);
    if (!piece) return head.bytes;
    let at = -1;
    for (let seen = piece.line; seen < line; seen++) at = piece.bytes.indexOf(10, at + 1);
    return piece.offset + at + 1;
  }

  linesBefore(entryId: number, offset: number): number {
    const head = this.head(entryId);
    if (offset >= head.bytes) return head.lines;
    if (offset <= 0) return 0;
    const row = this.#marks.of(entryId);
    const piece = row ? this.#whole(row, entryId, this.#marks.holder(entryId, offset), offset) : this.#holder.get(entryId, offset);
    return piece ? piece.line + countLines(piece.bytes.subarray(0, offset - piece.offset)) : 0;
  }

  times(entryId: number, from: number, to: number): Pick<Segment, 'offset' | 'at'>[] {
    if (from >= this.head(entryId).bytes) return [];
    if (this.#marks.of(entryId)) {
      return this.#marks.pieces(entryId, from, to, -1).map(({ offset, at }) => ({ offset, at }));
    }
    return this.#times.all(entryId, this.#start.get(entryId, from) ?? 0, to);
  }

  segments(entryId: number, from: number, limit: number): Segment[] {
    const { bytes } = this.head(entryId);
    if (from >= bytes) return [];
    const row = this.#marks.of(entryId);
    if (row) return this.#marks.withBytes(row, entryId, from, limit, bytes);
    return this.#segments.all(entryId, this.#start.get(entryId, from) ?? 0, limit);
  }

  sync(entryIds: readonly number[]): Promise<void> | undefined {
    const syncs = entryIds.flatMap((id) => {
      const row = this.#marks.of(id);
      return (row && this.#marks.sync(id, row, this.#size.get(id) ?? 0)) ?? [];
    });
    return syncs.length === 0 ? undefined : Promise.all(syncs).then(() => undefined);
  }

  settle(entryIds: readonly number[]): void {
    for (const id of entryIds) {
      const row = this.#marks.of(id);
      if (row) this.#marks.settle(id, row, this.#size.get(id) ?? 0);
    }
  }

  /** A piece with its bytes, up to the next one, or up to `end`. */
  #whole(row: FileRow, entryId: number, piece: FilePiece | undefined, end?: number): Piece | undefined {
    if (!piece) return undefined;
    const [only] = end === undefined ? this.segments(entryId, piece.offset, 1) : [];
    return only ?? { ...piece, bytes: this.#marks.read(row, entryId, piece.offset, (end ?? piece.offset) - piece.offset) };
  }
}

function gone(entryId: number): HeadgateError {
  return new HeadgateError('not_found', 'the channel has been deleted with its run; getRuns lists what there is', { id: entryId });
}
