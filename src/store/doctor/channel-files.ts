import { crc32 } from 'node:zlib';
import { countLines } from '../../core/bytes.ts';
import { ChannelFiles } from '../channel-files.ts';
import { type ChannelRow, named, onlyAfterItsEnd, resize } from './channel-row.ts';
import { endDamaged, keepRest } from './damaged-channel.ts';
import type { Patient, Problem } from './problem.ts';

interface Row {
  readonly offset: number;
  readonly line: number;
  /** Null for a segment, whose bytes are in the database. */
  readonly crc: number | null;
}

/** A piece as it was found. */
interface Found extends Row {
  /** Bytes up to the next piece. */
  readonly size: number;
  /** Bytes that are there, at the most a little more than `size`. */
  readonly bytes: Buffer;
  /** Lines before it. */
  readonly lines: number;
}

/** Compares a channel with its file (SPEC {#channel_files}): every piece is there, whole and as it was stored. */
export function fileProblems(patient: Patient, row: ChannelRow, file: string, isLive: boolean): Problem[] {
  const files = new ChannelFiles(patient.channelFiles);
  try {
    let lines = 0;
    let [others, recounted] = [0, 0];
    for (const piece of pieces(patient, row, file, files)) {
      const { offset, size, bytes, crc } = piece;
      if (bytes.length !== size) return [cutOff(patient, row, file, piece, isLive)];
      if (crc !== null && crc32(bytes) !== crc) others += size;
      if (piece.line !== piece.lines) recounted++;
      lines = piece.lines + countLines(bytes);
      if (offset + size === row.bytes && lines !== row.lines) recounted++;
    }
    const what = [
      ...(others > 0 ? [`${others} bytes of it are not those that were stored`] : []),
      ...(recounted > 0 ? [`${recounted} numbers of lines are wrong`] : []),
    ];
    if (what.length === 0) return [];
    const problem = { check: 'channels', state: 'bad', detail: `${said(row, file)}: ${what.join(', ')}` } as const;
    if (isLive) return [onlyAfterItsEnd(problem)];
    return [{ ...problem, repair: () => renew(patient, row, file, others > 0) }];
  } finally {
    files.close();
  }
}

function* pieces({ db }: Patient, row: ChannelRow, file: string, files: ChannelFiles): Generator<Found> {
  const rows = db
    .prepare<{ id: number }, Row>(
      `select offset, line, null as crc from segments where entry_id = @id
      union all select offset, line, crc from channel_marks where entry_id = @id order by offset`,
    )
    .all({ id: row.id });
  const segment = db.prepare<[number, number], Buffer>('select bytes from segments where entry_id = ? and offset = ?').pluck();
  let lines = 0;
  // Where a channel's first segments are gone they are missing like others.
  if (rows[0] && rows[0].offset > 0) yield { offset: 0, line: 0, crc: null, size: rows[0].offset, bytes: Buffer.alloc(0), lines };
  for (const [at, piece] of rows.entries()) {
    const size = (rows[at + 1]?.offset ?? row.bytes) - piece.offset;
    let bytes: Buffer;
    if (piece.crc === null) bytes = segment.get(row.id, piece.offset) ?? Buffer.alloc(0);
    else {
      const room = Buffer.allocUnsafe(Math.max(0, size));
      bytes = room.subarray(0, files.fill(file, piece.offset, room));
    }
    yield { ...piece, size, bytes, lines };
    lines += countLines(bytes);
  }
}

/** A piece that is shorter than it was stored. Of a segment the file may have the rest; else what is left of the piece ends the channel. */
function cutOff(patient: Patient, row: ChannelRow, file: string, piece: Found, isLive: boolean): Problem {
  const { offset, size, bytes, crc, lines } = piece;
  const end = offset + bytes.length;
  const missing = `bytes ${end} to ${offset + size} are missing`;
  const detail = `${said(row, file)}: ${bytes.length > size ? `the segment at ${offset} overlaps what follows` : missing}`;
  const problem = { check: 'channels', state: 'bad', detail } as const;
  if (isLive) return onlyAfterItsEnd(problem);
  if (bytes.length > size) return problem;
  const { db } = patient;
  return {
    ...problem,
    repair: () => {
      const rest = crc === null ? inFile(patient, file, end, offset + size) : undefined;
      if (rest) {
        const add = db.prepare('insert into channel_marks (entry_id, offset, line, at, crc) values (?, ?, ?, ?, ?)');
        add.run(row.id, end, lines + countLines(bytes), patient.now, crc32(rest));
        return `${renew(patient, row, file, true)}; the file has what was missing`;
      }
      const good = db.prepare<[number, number], number>('select count(*) from segments where entry_id = ? and offset <= ?').pluck();
      const kept = keepRest(patient, row, good.get(row.id, offset) ?? 0);
      const isLeft = crc !== null && bytes.length > 0;
      db.prepare('delete from channel_marks where entry_id = ? and offset >= ?').run(row.id, isLeft ? offset + 1 : offset);
      if (isLeft) setMark(patient, row, offset, lines, bytes);
      endDamaged(patient, row, end, lines + countLines(bytes));
      const beyond = kept.length > 0 ? `; segments beyond them are kept in ${kept.join(', ')}` : '';
      return `the channel ends at 500 "damaged" with its first ${end} bytes${beyond}`;
    },
  };
}

/** Bytes of the file, where it has them all. */
function inFile(patient: Patient, file: string, from: number, to: number): Buffer | undefined {
  const files = new ChannelFiles(patient.channelFiles);
  try {
    const bytes = Buffer.allocUnsafe(to - from);
    return files.fill(file, from, bytes) === bytes.length ? bytes : undefined;
  } finally {
    files.close();
  }
}

/** Takes the bytes that there are as those of the channel: each is at its own offset, and none is thrown away. */
function renew(patient: Patient, row: ChannelRow, file: string, isDamaged: boolean): string {
  const files = new ChannelFiles(patient.channelFiles);
  try {
    let lines = 0;
    const setLine = patient.db.prepare('update segments set line = ? where entry_id = ? and offset = ?');
    for (const { offset, crc, bytes, lines: before } of pieces(patient, row, file, files)) {
      if (crc === null) setLine.run(before, row.id, offset);
      else setMark(patient, row, offset, before, bytes);
      lines = before + countLines(bytes);
    }
    if (isDamaged) endDamaged(patient, row, row.bytes, lines);
    else resize(patient, row.id, row.bytes, lines);
    return isDamaged ? 'the channel ends at 500 "damaged" with the bytes that are there' : 'the lines are counted again';
  } finally {
    files.close();
  }
}

function setMark({ db }: Patient, row: ChannelRow, offset: number, line: number, bytes: Buffer): void {
  db.prepare('update channel_marks set line = ?, crc = ? where entry_id = ? and offset = ?').run(line, crc32(bytes), row.id, offset);
}

function said(row: ChannelRow, file: string): string {
  return `${named(row)}, file channels/${file}`;
}
