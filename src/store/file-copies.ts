import type { Statement } from 'better-sqlite3';
import type { ChannelStore } from '../model/ports/store.ts';
import type { Connection } from './connection.ts';

/** Bytes of segments, segments and marks that one statement copies. */
const TOGETHER_BYTES = 64 * 1024;
const SEGMENTS = 256;
const MARKS = 500;

/** What copies need of the files of channels (SPEC {#channel_files}). */
export interface CopiedFiles {
  /** Gives a file a further name, for a channel of the copy, and returns it. */
  link(file: string, entryId: number): string;
  /** What `link` returned survives a power cut when this returns. */
  syncNames(): void;
  /** Removes the name of a file once no row has it. */
  discard(file: string): void;
  readonly channels: Pick<ChannelStore, 'sync' | 'settle'>;
}

/** A channel and its copy. */
interface Pair {
  readonly id: number;
  readonly copy: number;
}

/** Copies channels that have a file: the copy shares it, under a name of its own. */
export class FileCopies {
  readonly files: CopiedFiles;
  readonly #name: Statement<[number], string>;
  readonly #add: Statement<[Pair & { file: string }]>;
  readonly #marks: Statement<[Pair]>;
  readonly #segments: Statement<[Pair], number>;
  readonly #dropMarks: Statement<[number, number]>;

  constructor(db: Connection, files: CopiedFiles) {
    this.files = files;
    this.#name = db.prepare<[number], string>('select file from channel_files where entry_id = ?').pluck();
    this.#add = db.prepare(
      'insert into channel_files (entry_id, file, synced) select @copy, @file, synced from channel_files where entry_id = @id',
    );
    const behind = (table: string) => `entry_id = @id and offset > (select coalesce(max(offset), -1) from ${table} where entry_id = @copy)`;
    this.#marks = db.prepare(`insert into channel_marks (entry_id, offset, line, at, crc)
      select @copy, offset, line, at, crc from channel_marks where ${behind('channel_marks')} order by offset limit ${MARKS}`);
    const first = `(select min(offset) from segments where ${behind('segments')})`;
    this.#segments = db
      .prepare<[Pair], number>(
        `insert into segments (entry_id, offset, line, at, bytes)
        select @copy, offset, line, at, bytes from segments
        where ${behind('segments')} and offset < ${first} + ${TOGETHER_BYTES} order by offset limit ${SEGMENTS} returning length(bytes)`,
      )
      .pluck();
    this.#dropMarks = db.prepare(`delete from channel_marks where entry_id = ? and offset in
      (select offset from channel_marks where entry_id = ? order by offset limit ${MARKS})`);
  }

  /** The file of a channel of the copy; undefined while it has none. */
  of(copy: number): string | undefined {
    return this.#name.get(copy);
  }

  /** Brings a channel of the copy up to date, in steps that yield the bytes they have written. */
  *copy(pair: Pair, file: string): Generator<number, void> {
    if (this.of(pair.copy) === undefined) this.#add.run({ ...pair, file: this.files.link(file, pair.copy) });
    for (;;) {
      const bytes = this.#segments.all(pair).reduce((sum, length) => sum + length, 0);
      if (bytes === 0 && this.#marks.run(pair).changes === 0) return;
      yield bytes;
    }
  }

  /** Drops some marks of a channel of the copy; false when it has none. */
  dropMarks(copy: number): boolean {
    return this.#dropMarks.run(copy, copy).changes > 0;
  }
}
