import type { Statement } from 'better-sqlite3';
import { countLines } from '../../core/bytes.ts';
import { parseChannelPath } from '../../model/paths.ts';
import { DELETED_RUNS } from '../visible.ts';
import { fileProblems } from './channel-files.ts';
import { type ChannelRow, named, onlyAfterItsEnd, resize } from './channel-row.ts';
import { endDamaged, keepRest } from './damaged-channel.ts';
import type { Patient, Problem } from './problem.ts';

/** A channel as its segments say. */
interface Measured {
  /** Segments up to there. */
  readonly good: number;
  /** Bytes and lines from 0 up to the first place where the next segment does not begin where the one before ended. */
  readonly bytes: number;
  readonly lines: number;
  /** Start of the segment after that place; undefined when there is none. */
  readonly gapAt: number | undefined;
  /** Segments up to there with a wrong line number, by offset. */
  readonly wrongLines: ReadonlyMap<number, number>;
}

/** Compares every channel with its segments or its file, and every text with its size (SPEC {#segments}). */
export function channels(patient: Patient): Problem[] {
  const { db } = patient;
  const rows = db
    .prepare<[], ChannelRow>(
      `select id, run_id, path, bytes, lines, status from entries
      where category = 'data' and body = '' and run_id not in (${DELETED_RUNS}) order by id`,
    )
    .all();
  const segments = db.prepare<[number], { offset: number; line: number; bytes: Buffer }>(
    'select offset, line, bytes from segments where entry_id = ? order by offset',
  );
  const file = db.prepare<[number], string>('select file from channel_files where entry_id = ?').pluck();
  const examine = (row: ChannelRow) => {
    const name = file.get(row.id);
    if (name === undefined) return compare(patient, row, measure(row.id, segments));
    return fileProblems(patient, row, name, liveProducer(patient, row) !== undefined);
  };
  return [...rows.flatMap(examine), ...texts(patient)];
}

function measure(id: number, segments: Statement<[number], { offset: number; line: number; bytes: Buffer }>): Measured {
  let [good, bytes, lines] = [0, 0, 0];
  const wrongLines = new Map<number, number>();
  for (const segment of segments.iterate(id)) {
    if (segment.offset !== bytes) return { good, bytes, lines, gapAt: segment.offset, wrongLines };
    if (segment.line !== lines) wrongLines.set(segment.offset, lines);
    good++;
    bytes += segment.bytes.length;
    lines += countLines(segment.bytes);
  }
  return { good, bytes, lines, gapAt: undefined, wrongLines };
}

function compare(patient: Patient, row: ChannelRow, found: Measured): Problem[] {
  const { db } = patient;
  const problems: Problem[] = [];
  const { bytes, lines, gapAt, wrongLines } = found;
  if (wrongLines.size > 0) {
    problems.push({
      check: 'channels',
      state: 'bad',
      detail: `${named(row)}: ${wrongLines.size} segments have a wrong line number`,
      repair: () => {
        const set = db.prepare('update segments set line = ? where entry_id = ? and offset = ?');
        for (const [offset, line] of wrongLines) set.run(line, row.id, offset);
        return 'the lines are counted again from the segments';
      },
    });
  }
  if (gapAt !== undefined) problems.push(gap(patient, row, found, gapAt));
  else if (bytes !== row.bytes || lines !== row.lines) {
    const detail = `${named(row)}: its row says ${row.bytes} bytes and ${row.lines} lines, its segments hold ${bytes} and ${lines}`;
    const problem = { check: 'channels', state: 'bad', detail } as const;
    if (bytes < row.bytes && isGivenBack(patient, row, bytes)) problems.push(onlyAfterItsEnd(problem));
    else
      problems.push({
        ...problem,
        repair: () => {
          resize(patient, row.id, bytes, lines);
          return `the row says ${bytes} bytes and ${lines} lines now`;
        },
      });
  }
  return problems;
}

/** True for a live command whose own file has what follows these bytes no more. */
function isGivenBack(patient: Patient, row: ChannelRow, bytes: number): boolean {
  const producer = liveProducer(patient, row);
  const spool = producer && patient.spool(producer, parseChannelPath(row.path)?.channel ?? 0);
  return spool !== undefined && spool.base > bytes;
}

/** Segments that do not follow each other. Where the producer's own file still has the bytes, nothing is lost. */
function gap(patient: Patient, row: ChannelRow, { good, bytes, lines }: Measured, gapAt: number): Problem {
  const what = gapAt > bytes ? `bytes ${bytes} to ${gapAt} are missing` : `the segment at ${gapAt} overlaps the one that ends at ${bytes}`;
  const problem = { check: 'channels', state: 'bad', detail: `${named(row)}: ${what}` } as const;
  const producer = liveProducer(patient, row);
  if (!producer) {
    return {
      ...problem,
      repair: () => {
        const rest = keepRest(patient, row, good);
        endDamaged(patient, row, bytes, lines);
        return `the channel ends at 500 "damaged" with its first ${bytes} bytes; what is stored beyond them is kept in ${rest.join(', ')}`;
      },
    };
  }
  const spool = patient.spool(producer, parseChannelPath(row.path)?.channel ?? 0);
  if (!spool || spool.base > bytes || spool.end < row.bytes) {
    return onlyAfterItsEnd(problem);
  }
  return {
    ...problem,
    repair: () => {
      patient.db
        .prepare('delete from segments where rowid in (select rowid from segments where entry_id = ? order by offset limit -1 offset ?)')
        .run(row.id, good);
      resize(patient, row.id, bytes, lines);
      return `the channel is cut to ${bytes} bytes; the next start of the server reads the rest again from the command's own file, which has it`;
    },
  };
}

/** Entries with a text of their own whose size is not the text's. */
function texts({ db, now }: Patient): Problem[] {
  const rows = db
    .prepare<[], { id: number; path: string; body: Buffer; bytes: number; lines: number }>(
      "select id, path, cast(body as blob) as body, bytes, lines from entries where body <> '' order by id",
    )
    .iterate();
  const problems: Problem[] = [];
  for (const { id, path, body, bytes, lines } of rows) {
    const found = { bytes: body.length, lines: countLines(body) };
    if (found.bytes === bytes && found.lines === lines) continue;
    problems.push({
      check: 'entries',
      state: 'bad',
      detail: `${path} (entry ${id}): its row says ${bytes} bytes and ${lines} lines, its text has ${found.bytes} and ${found.lines}`,
      repair: () => {
        db.prepare('update entries set bytes = ?, lines = ?, updated_at = ? where id = ?').run(found.bytes, found.lines, now, id);
        return `the row says ${found.bytes} bytes and ${found.lines} lines now`;
      },
    });
  }
  return problems;
}

function liveProducer({ db }: Patient, row: ChannelRow): { entryId: number; createdAt: number } | undefined {
  const parsed = parseChannelPath(row.path);
  if (!parsed) return undefined;
  return db
    .prepare<[number, string], { entryId: number; createdAt: number }>(
      `select producers.entry_id as entryId, producers.created_at as createdAt from producers join entries on entries.id = producers.entry_id
      where run_id = ? and path = ? and state in ('queued', 'running', 'cancelling')`,
    )
    .get(row.run_id, `log://turn_${parsed.turn}/${parsed.action}/${parsed.slug}`);
}
