import { countLines } from '../../core/bytes.ts';
import { channelPath, MAX_CHANNEL, parseChannelPath } from '../../model/paths.ts';
import type { ChannelRow } from './channel-row.ts';
import { unguarded } from './guards.ts';
import type { Patient } from './problem.ts';

/** Ends a channel at 500 `damaged` at its last contiguous byte. */
export function endDamaged({ db, now }: Patient, row: ChannelRow, bytes: number, lines: number): void {
  unguarded(db, () =>
    db
      .prepare(
        "update entries set status = 500, outcome = 'damaged', bytes = ?, lines = ?, version = version + 1, updated_at = ? where id = ?",
      )
      .run(bytes, lines, now, row.id),
  );
}

/**
 * Moves what is stored behind the first `good` segments to channels of its own, one for each contiguous part, at 500
 * `damaged`: so no byte is shown at an offset that is not its own, and none is thrown away. Returns their paths.
 */
export function keepRest(patient: Patient, row: ChannelRow, good: number): string[] {
  const { db } = patient;
  const rest = db
    .prepare<[number, number], { rowid: number; offset: number }>(
      'select rowid, offset from segments where entry_id = ? order by offset limit -1 offset ?',
    )
    .all(row.id, good);
  const content = db.prepare<[number], Buffer>('select bytes from segments where rowid = ?').pluck();
  const move = db.prepare('update segments set entry_id = ?, offset = ?, line = ? where rowid = ?');
  const size = db.prepare('update entries set bytes = ?, lines = ? where id = ?');
  const parts: { id: number; path: string; from: number; bytes: number; lines: number }[] = [];
  for (const { rowid, offset } of rest) {
    let part = parts.at(-1);
    if (!part || offset !== part.from + part.bytes) {
      part = { ...addChannel(patient, row, offset), from: offset, bytes: 0, lines: 0 };
      parts.push(part);
    }
    const bytes = content.get(rowid) ?? Buffer.alloc(0);
    move.run(part.id, part.bytes, part.lines, rowid);
    part.bytes += bytes.length;
    part.lines += countLines(bytes);
  }
  for (const { id, bytes, lines } of parts) size.run(bytes, lines, id);
  return parts.map(({ path, from }) => `${path} (from byte ${from})`);
}

/** A further channel of the same producer, with the highest number that is free. */
function addChannel({ db, now }: Patient, row: ChannelRow, from: number): { id: number; path: string } {
  const parts = parseChannelPath(row.path);
  if (!parts) throw new Error(`${row.path} is no channel of a producer, so what lies behind the gap can be kept nowhere`);
  const log = `log://turn_${parts.turn}/${parts.action}/${parts.slug}`;
  const taken = db.prepare<[number, string], number>('select 1 from entries where run_id = ? and path = ?').pluck();
  let number = MAX_CHANNEL;
  while (number > 0 && taken.get(row.run_id, channelPath(parts, number)) !== undefined) number--;
  if (number === 0) throw new Error(`every channel number of ${log} is taken, so what lies behind the gap can be kept nowhere`);
  const path = channelPath(parts, number);
  const attributes = JSON.stringify({ producer: log, damaged: { channel: parts.channel, from } });
  const { lastInsertRowid } = db
    .prepare(
      `insert into entries (run_id, path, scheme, category, status, outcome, visibility, turn, loop_id, writer, created_at, updated_at, attributes)
      select run_id, ?, scheme, category, 500, 'damaged', visibility, turn, loop_id, 'doctor', ?, ?, ? from entries where id = ?`,
    )
    .run(path, now, now, attributes, row.id);
  db.prepare(
    `update entries set attributes = json_set(attributes, '$.channels[#]', ?)
    where run_id = ? and path = ? and json_type(attributes, '$.channels') = 'array'`,
  ).run(number, row.run_id, log);
  return { id: Number(lastInsertRowid), path };
}
