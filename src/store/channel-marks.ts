import { crc32 } from 'node:zlib';
import type { Statement } from 'better-sqlite3';
import { messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { SegmentWrite } from '../model/ports/store.ts';
import type { Segment } from '../model/records.ts';
import type { ChannelFiles } from './channel-files.ts';
import type { Connection } from './connection.ts';

/** The first bytes of a channel are in the database in any case: most channels never have more, and cost no file. */
const INLINE_BYTES = 128 * 1024;
/** Bytes after which a file is brought to the disk beside the thread that writes, as the write-ahead log is. */
const SYNC_BYTES = 4 * 1024 * 1024;
/** Bytes of segments that are read for one call, give or take one. */
const PAGE_BYTES = 1024 * 1024;

/** A piece of a channel: a segment, or a mark of the file. */
export type Piece = Omit<Segment, 'bytes'>;

/** The file of a channel, and up to where it is on the disk. */
export interface FileRow {
  readonly file: string;
  readonly synced: number;
}

/** What is known of a file while it grows. */
interface Growing {
  /** The spool file that was found to be the same. */
  readonly source: string;
  readonly file: string;
  /** The file has all bytes of the channel from here on; infinite when the database has had the last ones. */
  from: number;
  isSyncing: boolean;
}

/**
 * The channels that have a file (SPEC {#channel_files}): their pieces are segments in the database and marks, which say where a piece of
 * the file begins. What lies between two segments is in the file, at the offset that it has in the channel.
 */
export class ChannelMarks {
  readonly #db: Connection;
  readonly #files: ChannelFiles;
  readonly #logger: Logger;
  readonly #settled: (file: string) => void;
  readonly #growing = new Map<number, Growing>();
  /** Bytes of a channel that are on the disk, where that is more than its row says. */
  readonly #syncedTo = new Map<number, number>();
  /** Channels that no file can be made for. */
  readonly #without = new Set<number>();
  readonly #row: Statement<[number], FileRow>;
  readonly #addRow: Statement<[number, string]>;
  readonly #addMark: Statement<[number, number, number, number, number]>;
  readonly #setSynced: Statement<[number, number]>;
  readonly #segments: Statement<[number, number, number], { offset: number; bytes: Buffer }>;
  readonly #before: Statement<[{ id: number; offset: number }], Piece>;
  readonly #pieces: Statement<[{ id: number; from: number; to: number; limit: number }], Piece>;
  readonly #segmentOfLine: Statement<[number, number], Piece>;

  /** `settled` is called with the file of a channel that takes no more for now. */
  constructor(db: Connection, files: ChannelFiles, logger: Logger, settled: (file: string) => void) {
    this.#db = db;
    this.#settled = settled;
    this.#files = files;
    this.#logger = logger;
    this.#row = db.prepare('select file, synced from channel_files where entry_id = ?');
    this.#addRow = db.prepare('insert into channel_files (entry_id, file, synced) values (?, ?, 0)');
    this.#addMark = db.prepare('insert into channel_marks (entry_id, offset, line, at, crc) values (?, ?, ?, ?, ?)');
    this.#setSynced = db.prepare('update channel_files set synced = ? where entry_id = ?');
    this.#segments = db.prepare('select offset, bytes from segments where entry_id = ? and offset >= ? and offset < ? order by offset');
    const both = (what: string) => `select * from (select offset, line, at from segments ${what})
      union all select * from (select offset, line, at from channel_marks ${what})`;
    const last = 'where entry_id = @id and offset <= @offset order by offset desc limit 1';
    this.#before = db.prepare(`${both(last)} order by offset desc limit 1`);
    const range = 'where entry_id = @id and offset >= @from and offset < @to order by offset limit @limit';
    this.#pieces = db.prepare(`${both(range)} order by offset limit @limit`);
    this.#segmentOfLine = db.prepare(
      'select offset, line, at from segments where entry_id = ? and line < ? order by line desc, offset desc limit 1',
    );
  }

  /** The file of a channel; undefined for one that has all its bytes in the database. */
  of(entryId: number): FileRow | undefined {
    return this.#row.get(entryId);
  }

  /** Notes a piece within the open transaction; false when its bytes are not in the channel's file, and belong in the database. */
  add({ entryId, offset, bytes, line, at, file: source }: SegmentWrite): boolean {
    const growing = source === undefined || offset < INLINE_BYTES ? undefined : this.#find(entryId, source, offset, bytes);
    if (!growing) {
      const known = this.#growing.get(entryId);
      if (known) known.from = Number.POSITIVE_INFINITY;
      // The number of a deleted channel may be given to another.
      if (offset === 0) this.#growing.delete(entryId);
      return false;
    }
    growing.from = Math.min(growing.from, offset);
    this.#addMark.run(entryId, offset, line, at, crc32(bytes));
    this.#syncBeside(entryId, growing, offset + bytes.length);
    return true;
  }

  /** The file that has all bytes of a channel from `from` on, without a look into the database; undefined when that is not known. */
  grown(entryId: number, from: number): string | undefined {
    const growing = this.#growing.get(entryId);
    return growing && from >= growing.from ? growing.file : undefined;
  }

  /** Bytes of a file from `from` on, which are all there. Throws `internal` when they are not. */
  readFile(file: string, from: number, length: number): Buffer {
    const whole = Buffer.allocUnsafe(length);
    this.#files.read(file, from, whole);
    return whole;
  }

  /** Bytes from `from` on, which are all stored. Throws `internal` when the file lacks some. */
  read({ file }: FileRow, entryId: number, from: number, length: number): Buffer {
    const whole = Buffer.allocUnsafe(length);
    let at = from;
    const fill = (to: number) => {
      if (to > at) this.#files.read(file, at, whole.subarray(at - from, to - from));
      at = Math.max(at, to);
    };
    const start = this.#before.get({ id: entryId, offset: from })?.offset ?? from;
    for (const { offset, bytes } of this.#segments.all(entryId, start, from + length)) {
      if (offset + bytes.length <= at) continue;
      fill(offset);
      at += bytes.copy(whole, at - from, at - offset);
    }
    fill(from + length);
    return whole;
  }

  /** The last piece that begins at `offset` or before. */
  holder(entryId: number, offset: number): Piece | undefined {
    return this.#before.get({ id: entryId, offset });
  }

  /** The last piece that begins with fewer than `line` LFs before it, in a channel of so many bytes. */
  lineHolder(entryId: number, line: number, bytes: number): Piece | undefined {
    let found = this.#segmentOfLine.get(entryId, line) ?? this.holder(entryId, 0);
    // Marks have no index of lines, but both grow together.
    for (let [low, high] = [found?.offset ?? 0, bytes]; low < high; ) {
      const middle = Math.ceil((low + high) / 2);
      const piece = this.holder(entryId, middle);
      if (piece && piece.line >= line) high = Math.min(middle, piece.offset) - 1;
      else {
        found = piece ?? found;
        low = middle;
      }
    }
    return found;
  }

  /** Where the pieces begin that hold bytes [from, to), at most `limit`; -1 for all. */
  pieces(entryId: number, from: number, to: number, limit: number): Piece[] {
    return this.#pieces.all({ id: entryId, from: this.holder(entryId, from)?.offset ?? 0, to, limit });
  }

  /** The pieces from the one that holds `from` on, with their bytes, in a channel of so many. */
  withBytes(row: FileRow, entryId: number, from: number, limit: number, bytes: number): Segment[] {
    const pieces = this.pieces(entryId, from, bytes, limit + 1);
    const whole: Segment[] = [];
    for (let [at, size] = [0, 0]; at < Math.min(limit, pieces.length) && size < PAGE_BYTES; at++) {
      const piece = pieces[at] as Piece;
      const length = (pieces[at + 1]?.offset ?? bytes) - piece.offset;
      whole.push({ ...piece, bytes: this.read(row, entryId, piece.offset, length) });
      size += length;
    }
    return whole;
  }

  /** Resolves once the first `bytes` of a channel are on the disk; undefined when they are. */
  sync(entryId: number, row: FileRow, bytes: number): Promise<void> | undefined {
    if (this.#synced(entryId, row) >= bytes) return undefined;
    return this.#files.sync(row.file).then(() => this.#noteSynced(entryId, bytes));
  }

  /** Has the first `bytes` of a channel on the disk when it returns; nothing more is expected to come. */
  settle(entryId: number, row: FileRow, bytes: number): void {
    if (this.#synced(entryId, row) < bytes) this.#files.syncNow(row.file);
    this.#settled(row.file);
    this.#growing.delete(entryId);
    this.#syncedTo.delete(entryId);
    this.#without.delete(entryId);
    if (row.synced < bytes) this.#db.write('fast', () => this.#setSynced.run(bytes, entryId));
  }

  /** Channels whose files grow. */
  growing(): number[] {
    return [...this.#growing.keys()];
  }

  #synced(entryId: number, row: FileRow): number {
    return Math.max(row.synced, this.#syncedTo.get(entryId) ?? 0);
  }

  #noteSynced(entryId: number, bytes: number): void {
    this.#syncedTo.set(entryId, Math.max(bytes, this.#syncedTo.get(entryId) ?? 0));
  }

  /** The file of a channel that is written to; made when there is none. */
  #find(entryId: number, source: string, offset: number, bytes: Uint8Array): Growing | undefined {
    if (this.#without.has(entryId)) return undefined;
    const known = this.#growing.get(entryId);
    const row = this.#row.get(entryId);
    // A transaction that was undone took the row with it.
    if (known && row?.file === known.file && known.source === source) return known;
    try {
      const file = row?.file ?? this.#files.link(source, entryId);
      if (this.#files.isSame(file, source) && this.#holds(file, offset, bytes)) {
        if (!row) this.#addRow.run(entryId, file);
        const growing = { source, file, from: offset, isSyncing: false };
        this.#growing.set(entryId, growing);
        return growing;
      }
      this.#logger.warn(
        { channel: entryId, source, file },
        'the file of a channel is not that of its command; the database takes the output',
      );
    } catch (error) {
      this.#logger.debug({ channel: entryId, error: messageOf(error) }, 'a channel can have no file; the database takes the output');
    }
    this.#without.add(entryId);
    return undefined;
  }

  #holds(file: string, offset: number, bytes: Uint8Array): boolean {
    const there = Buffer.allocUnsafe(bytes.length);
    return this.#files.fill(file, offset, there) === bytes.length && there.equals(bytes);
  }

  /** Also a long output waits for little at its end. */
  #syncBeside(entryId: number, growing: Growing, end: number): void {
    const row = this.#row.get(entryId);
    if (!row || growing.isSyncing || end - this.#synced(entryId, row) < SYNC_BYTES) return;
    // What was synced before is noted now, with the piece that is being stored.
    this.#setSynced.run(this.#synced(entryId, row), entryId);
    growing.isSyncing = true;
    // What fails here fails again, and reported, where a caller waits for it.
    this.#files
      .sync(growing.file)
      .then(() => this.#noteSynced(entryId, end))
      .catch(() => {})
      .finally(() => {
        growing.isSyncing = false;
      });
  }
}
