import { crc32 } from 'node:zlib';
import type { Logger } from '../core/logger.ts';
import type { ChannelFiles } from './channel-files.ts';
import type { Connection } from './connection.ts';

interface Grown {
  readonly id: number;
  readonly file: string;
  readonly synced: number;
  readonly bytes: number;
}

interface Mark {
  readonly offset: number;
  readonly line: number;
  readonly crc: number;
  readonly end: number;
}

/**
 * Looks at what channels had in their files and not on the disk for sure, and cuts off what a power cut has taken: there the index is
 * ahead of the file, whose end is missing or zeros (SPEC {#machine_restart}). After a crash of the process alone nothing is missing.
 */
export function recoverChannels(db: Connection, files: ChannelFiles, logger: Logger): void {
  const grown = db
    .prepare<[], Grown>(
      `select entry_id as id, file, synced, bytes from channel_files join entries on entries.id = entry_id
      where bytes > synced and run_id not in (select id from runs where deleted_at is not null)`,
    )
    .all();
  const marks = db.prepare<[{ id: number; from: number; bytes: number }], Mark>(
    `select offset, line, crc, min(
        coalesce((select min(m.offset) from channel_marks m where m.entry_id = @id and m.offset > o.offset), @bytes),
        coalesce((select min(s.offset) from segments s where s.entry_id = @id and s.offset > o.offset), @bytes)) as end
      from channel_marks o where entry_id = @id and offset >= @from order by offset`,
  );
  for (const { id, file, synced, bytes } of grown) {
    const lost = marks.all({ id, from: synced, bytes }).find(({ offset, crc, end }) => {
      const there = Buffer.allocUnsafe(end - offset);
      return files.fill(file, offset, there) < there.length || crc32(there) !== crc;
    });
    if (!lost) continue;
    logger.error(
      { channel: id, stored: bytes, kept: lost.offset },
      'the end of a channel did not reach the disk before the power went; the channel ends before it, or goes on from there',
    );
    db.transaction('durable', () => {
      db.prepare('delete from channel_marks where entry_id = ? and offset >= ?').run(id, lost.offset);
      db.prepare('delete from segments where entry_id = ? and offset >= ?').run(id, lost.offset);
      db.prepare('update entries set bytes = ?, lines = ? where id = ?').run(lost.offset, lost.line, id);
    });
  }
}
