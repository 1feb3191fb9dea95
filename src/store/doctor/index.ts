import { constants, copyFileSync, existsSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { messageOf } from '../../core/errors.ts';
import { channelFolder } from '../channel-files.ts';
import { type FolderIdentity, folderIdentity, isSameFolder } from '../folder-identity.ts';
import { fromNullableJson } from '../json.ts';
import { channels } from './channels.ts';
import type { Patient, Problem, SpoolExtent } from './problem.ts';
import { canShrink, damage, references, schema, space } from './soundness.ts';
import { liveProducers, type ProducerRow, states } from './states.ts';

/** What was found out about one thing. */
export interface Finding {
  readonly name: string;
  readonly state: 'ok' | 'note' | 'bad' | 'repaired';
  readonly detail: string;
}

export interface DatabaseReport {
  readonly findings: readonly Finding[];
  /** Copy that was made before the first repair. */
  readonly backup: string | undefined;
  /** Producers that are not over; undefined when the database cannot be read that far. */
  readonly live: readonly ProducerRow[] | undefined;
  /** Of which folder this is a copy, and when a server has made it one of its own; null while none has. */
  readonly copy: { readonly of: string; readonly settledAt: number | null } | undefined;
}

const CHECKED = 'integrity, schema, references, channels and their segments, states of entries';

/**
 * Looks for everything that may be wrong in a database that no server uses, and mends with `repair` what can be mended
 * without guessing (SPEC {#doctor_repair}). The caller holds the data folder's lock. Before the first repair the file is
 * copied; each repair is a transaction of its own, and one that fails leaves things as they were.
 */
export async function examineDatabase(options: {
  file: string;
  repair: boolean;
  now: number;
  spool: Patient['spool'];
}): Promise<DatabaseReport> {
  const { file, repair, now, spool } = options;
  let db: Database.Database | undefined;
  try {
    db = new Database(file, { fileMustExist: true });
    db.pragma('foreign_keys = on');
    const broken = [...damage(db), ...(await schema(db))];
    if (broken.length > 0) return { ...UNKNOWN, findings: broken.map(told) };
    const patient = { db, now, spool, channelFiles: channelFolder(file) };
    const problems = [...references(db), ...channels(patient), ...states(patient), ...space(db, file)];
    const backup = repair && problems.some((problem) => problem.repair) ? copyOf(db, file, now) : undefined;
    const findings = problems.map((problem) => (repair ? mended(patient, problem) : told(problem)));
    findings.push(shrinking(db, repair));
    if (!findings.some(({ state }) => state === 'bad')) findings.unshift({ name: 'database', state: 'ok', detail: CHECKED });
    return { findings, backup, live: liveProducers(patient), copy: copyIn(db, file) };
  } catch (error) {
    const detail = `${file} cannot be examined (${messageOf(error)}); restore it from a backup or free some space`;
    return { ...UNKNOWN, findings: [{ name: 'database', state: 'bad', detail }] };
  } finally {
    db?.close();
  }
}

const UNKNOWN = { backup: undefined, live: undefined, copy: undefined };

function copyIn(db: Database.Database, file: string): DatabaseReport['copy'] {
  const row = db
    .prepare<[], { folder: string | null; of: string | null; settledAt: number | null }>(
      'select folder, copied_from as "of", copied_at as settledAt from store_identity',
    )
    .get();
  const known = fromNullableJson<FolderIdentity>(row?.folder ?? null);
  if (known && !isSameFolder(known, folderIdentity(dirname(file)))) return { of: known.path, settledAt: null };
  return row?.of ? { of: row.of, settledAt: row.settledAt } : undefined;
}

function told({ check, state, detail, repair }: Problem): Finding {
  return { name: check, state, detail: repair ? `${detail}; --repair mends it` : detail };
}

function mended(patient: Patient, problem: Problem): Finding {
  const { check, detail, repair } = problem;
  if (!repair) return told(problem);
  try {
    const done = patient.db.transaction(repair).immediate();
    return { name: check, state: 'repaired', detail: `${detail}: ${done}` };
  } catch (error) {
    return { name: check, state: 'bad', detail: `${detail}; the repair failed and changed nothing: ${messageOf(error)}` };
  }
}

/** Copies the database, with all that the write-ahead log holds, beside itself; never over another copy. */
function copyOf(db: Database.Database, file: string, now: number): string {
  db.pragma('wal_checkpoint(truncate)');
  const stamp = new Date(now).toISOString().replace(/[:.]/g, '-');
  for (let number = 1; ; number++) {
    const copy = `${file}.before-repair-${stamp}${number > 1 ? `-${number}` : ''}`;
    if (existsSync(copy)) continue;
    copyFileSync(file, copy, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    return copy;
  }
}

/** Rebuilds the file of an earlier version, so that it can give space back. */
function shrinking(db: Database.Database, repair: boolean): Finding {
  const name = 'free space';
  if (canShrink(db)) return { name, state: 'ok', detail: 'the database gives the space of deleted runs back' };
  if (!repair) {
    return { name, state: 'note', detail: 'the database was made by an earlier version and never shrinks; --repair rebuilds it' };
  }
  try {
    db.pragma('auto_vacuum = incremental');
    db.exec('vacuum');
    return {
      name,
      state: 'repaired',
      detail: 'the database was made by an earlier version; it is rebuilt and gives space back from now on',
    };
  } catch (error) {
    return { name, state: 'note', detail: `the database cannot be rebuilt now (${messageOf(error)}); it works, but never shrinks` };
  }
}

export type { SpoolExtent };
