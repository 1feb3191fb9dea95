import { chmodSync, existsSync, lstatSync, readdirSync, readFileSync, rmSync, statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { leftOverFolders, spoolExtent, sweepSpool } from '../backends/process/index.ts';
import { systemClock } from '../core/clock.ts';
import { defined } from '../core/defined.ts';
import { isHeadgateError, messageOf } from '../core/errors.ts';
import { silentLogger } from '../core/logger.ts';
import { formatDuration } from '../core/measures.ts';
import { visibleLine } from '../core/visible-text.ts';
import { producerIdOf } from '../model/producer-id.ts';
import { isLive } from '../model/status.ts';
import { type DatabaseReport, examineDatabase, type Finding, lockDataFolder } from '../store/index.ts';
import { LAST_BACKUP } from './data-parts.ts';
import { examineClock, examineInstallation } from './installation-doctor.ts';
import { outlived } from './outlived.ts';
import { type DataPaths, dataPaths } from './server-files.ts';

/** Free space of the data folder's file system below which a server is about to stop commands, and below which it is worth a word. */
const NO_SPACE_BYTES = 64 * 1024 * 1024;
const LITTLE_SPACE_BYTES = 1024 * 1024 * 1024;

/** From this age on the last backup is worth a word. */
const OLD_BACKUP_MS = 7 * 24 * 60 * 60 * 1000;

/** What `headgate doctor` is told of a data folder. */
export interface DataReport {
  readonly findings: readonly Finding[];
  /** Copy of the database that was made before the first repair. */
  readonly backup?: string;
}

/**
 * Examines a data folder: the database, the producers' spool, permissions, what an earlier server left (SPEC
 * {#doctor_repair}). A server that runs on it is not disturbed: then only the files are looked at, and nothing is mended
 * but their modes.
 */
export async function examineData(options: { data: string; repair: boolean; version: string }): Promise<DataReport> {
  if (!existsSync(options.data)) return { findings: [] };
  try {
    return await examineFolder(options);
  } catch (error) {
    const detail = `${options.data} cannot be examined: ${messageOf(error)}; it must belong to the user who starts the server`;
    return { findings: [{ name: 'data', state: 'bad', detail }] };
  }
}

async function examineFolder(options: { data: string; repair: boolean; version: string }): Promise<DataReport> {
  const paths = dataPaths(options.data);
  const access = openAccess(paths, options.repair);
  const findings = [...access, diskSpace(paths)];
  if (!existsSync(paths.database)) {
    return { findings: [...findings, { name: 'database', state: 'note', detail: 'none yet; headgate serve makes it' }] };
  }
  findings.push(backupAge(paths), examineClock(paths));
  let release: () => void;
  try {
    release = lockDataFolder(paths.folder, { pid: process.pid, startedAt: systemClock.now() });
  } catch (error) {
    if (!isHeadgateError(error, 'conflict')) {
      return { findings: [...findings, { name: 'database', state: 'bad', detail: messageOf(error) }] };
    }
    const detail = `not examined, since a server uses it: ${messageOf(error)}`;
    return {
      findings: [...findings, { name: 'database', state: 'note', detail }, logSize(paths), ...examineInstallation(paths, options.version)],
    };
  }
  try {
    const report = await examineDatabase({
      file: paths.database,
      repair: options.repair,
      now: systemClock.now(),
      spool: (producer, channel) => spoolExtent(paths.producers, producerIdOf(producer), channel),
    });
    findings.push(
      ...report.findings,
      ...copied(paths, report),
      ...running(options.data),
      ...spool(paths, report, options.repair),
      ...leftBehind(paths, options.repair),
    );
    // A copy and the files that SQLite makes are private as well.
    openAccess(paths, options.repair || report.backup !== undefined);
    return { findings, ...defined({ backup: report.backup }) };
  } finally {
    release();
  }
}

function diskSpace({ folder }: DataPaths): Finding {
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  const detail = `${Math.floor(free / (1024 * 1024))} MiB free for ${folder}`;
  if (free < NO_SPACE_BYTES) return { name: 'disk', state: 'bad', detail: `${detail}; free some, or commands are stopped` };
  return { name: 'disk', state: free < LITTLE_SPACE_BYTES ? 'note' : 'ok', detail };
}

function backupAge({ folder }: DataPaths): Finding {
  const name = 'backup';
  const none = { name, state: 'note', detail: 'none was made yet; headgate backup FILE makes one, also while the server runs' } as const;
  let last: { file?: unknown; at?: unknown };
  try {
    last = { ...(JSON.parse(readFileSync(join(folder, LAST_BACKUP), 'utf8')) as object) };
  } catch {
    return none;
  }
  const age = systemClock.now() - Date.parse(String(last.at));
  if (Number.isNaN(age)) return none;
  const detail = `the last one, ${visibleLine(String(last.file))}, was made ${formatDuration(age)} ago`;
  return {
    name,
    state: age > OLD_BACKUP_MS ? 'note' : 'ok',
    detail: age > OLD_BACKUP_MS ? `${detail}; headgate backup FILE makes one` : detail,
  };
}

function logSize({ database }: DataPaths): Finding {
  const bytes = statSync(`${database}-wal`, { throwIfNoEntry: false })?.size ?? 0;
  return { name: 'log', state: 'ok', detail: `the write-ahead log has ${bytes} bytes` };
}

/** Says so where the folder is a copy, or was one. */
function copied({ folder }: DataPaths, { copy, live }: DatabaseReport): Finding[] {
  if (!copy) return [];
  const commands = `${live?.length ?? 0} commands that it says are running`;
  const detail =
    copy.settledAt === null
      ? `${folder} is a copy of ${copy.of}; the next start of the server leaves the ${commands} to the original and ends them here as lost`
      : `${folder} was a copy of ${copy.of}; it is a folder of its own since ${new Date(copy.settledAt).toISOString()}`;
  return [{ name: 'copy', state: copy.settledAt === null ? 'note' : 'ok', detail }];
}

/** Folders and producers that do not match. */
function spool(paths: DataPaths, report: DatabaseReport, repair: boolean): Finding[] {
  // The commands of a copy are the original's, and what it calls its spool may be a link to theirs.
  if (!report.live || report.copy?.settledAt === null) return [];
  const name = 'spool';
  const keep = new Set(report.live.map(producerIdOf));
  const findings: Finding[] = report.live
    .filter(({ runner, state }) => runner === 'embedded' && state !== 'queued' && isLive(state))
    .filter((producer) => !existsSync(join(paths.producers, producerIdOf(producer))))
    .map(({ path }) => ({
      name,
      state: 'note',
      detail: `the folder of ${path} is gone, so its command cannot be taken up; the next start of the server ends it as lost`,
    }));
  const left = leftOverFolders({ folder: paths.producers, keep });
  for (const one of left.filter(({ inUse }) => inUse)) {
    findings.push({ name, state: 'note', detail: `${one.name} belongs to no live producer, but its shim still runs; it is left alone` });
  }
  const orphans = left.filter(({ inUse }) => !inUse).map((one) => one.name);
  if (orphans.length > 0) {
    const what = `folders of no live producer in ${paths.producers}: ${orphans.join(', ')}`;
    if (!repair) findings.push({ name, state: 'note', detail: `${what}; --repair removes them, and so does the next start of the server` });
    else {
      const removed = sweepSpool({ folder: paths.producers, keep, logger: silentLogger });
      findings.push({ name, state: removed === orphans.length ? 'repaired' : 'bad', detail: `${what}: ${removed} removed` });
    }
  }
  return findings.length > 0 ? findings : [{ name, state: 'ok', detail: `${keep.size} live producers, each with its folder` }];
}

/** What goes on without a server; the caller holds the lock, so no server runs. */
function running(data: string): Finding[] {
  const commands = outlived({ data });
  const since = commands[0]?.since ?? null;
  const sinceWhen = since === null ? '' : ` since ${new Date(since).toISOString()}`;
  return commands.map(({ run, path, pid, until, command }) => {
    const ends = until === null ? 'and goes on' : `and is ended at ${new Date(until).toISOString()} unless one starts`;
    const who = `${run} ${path}${pid === null ? '' : ` (pid ${pid})`}`;
    const detail = `${who} runs without a server${sinceWhen}, ${ends}: ${visibleLine(command).slice(0, 100)}`;
    return { name: 'running', state: 'note', detail };
  });
}

/** A socket and a record without a server, and files that were never finished; the caller holds the lock, so no server needs them. */
function leftBehind(paths: DataPaths, repair: boolean): Finding[] {
  const unfinished = readdirSync(paths.folder)
    .filter((name) => /^(token|server\.json)\.\d+$/.test(name))
    .map((name) => join(paths.folder, name));
  return [paths.socket, paths.record, ...unfinished].filter(existsSync).map((file) => {
    const what = `${file} was left by a server that is gone`;
    if (!repair)
      return { name: 'left behind', state: 'note', detail: `${what}; --repair removes it, and so does the next start of the server` };
    rmSync(file, { force: true });
    return { name: 'left behind', state: 'repaired', detail: `${what}: removed` };
  });
}

/** Files of the data folder, with those that SQLite and the doctor make beside them. */
const OWN_FILES = /^(headgate\.db|lock\.db|lock\.json|server\.json|last-backup\.json|token|headgate\.sock)/;

/**
 * Who may read what: folders 0700, files 0600, everything the user's own (SPEC {#data_folder}). With `repair` modes that
 * are wider are set right.
 */
function openAccess(paths: DataPaths, repair: boolean): Finding[] {
  const files = readdirSync(paths.folder)
    .filter((name) => OWN_FILES.test(name))
    .map((name) => join(paths.folder, name));
  const found = [
    check(paths.folder, 0o700, repair),
    check(paths.producers, 0o700, repair),
    ...files.map((file) => check(file, 0o600, repair)),
  ].filter((finding) => finding !== undefined);
  return found.length > 0 ? found : [{ name: 'permissions', state: 'ok', detail: 'folder and files are private' }];
}

function check(path: string, mode: number, repair: boolean): Finding | undefined {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  // Of a link the target's mode counts, which its maker chose.
  if (!stat || stat.isSymbolicLink()) return undefined;
  const name = 'permissions';
  const uid = process.getuid?.();
  if (uid !== undefined && uid !== 0 && stat.uid !== uid) {
    return { name, state: 'bad', detail: `${path} belongs to user ${stat.uid}; change its owner to the user who starts the server` };
  }
  if ((stat.mode & 0o777 & ~mode) === 0) return undefined;
  const what = `${path} has mode ${(stat.mode & 0o777).toString(8).padStart(4, '0')}`;
  const right = mode.toString(8).padStart(4, '0');
  if (!repair) return { name, state: 'bad', detail: `${what}; --repair sets ${right}` };
  try {
    chmodSync(path, mode);
    return { name, state: 'repaired', detail: `${what}: it has ${right} now` };
  } catch (error) {
    return { name, state: 'bad', detail: `${what} and cannot be set to ${right}: ${messageOf(error)}` };
  }
}
