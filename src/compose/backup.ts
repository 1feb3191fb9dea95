import { copyFileSync, existsSync, linkSync, mkdtempSync, realpathSync, renameSync, rmSync, statfsSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { systemClock } from '../core/clock.ts';
import { HeadgateError, isHeadgateError, isMissing, messageOf, systemCode } from '../core/errors.ts';
import { formatBytes } from '../core/measures.ts';
import { replaceFile } from '../core/whole-file.ts';
import { isDiskFailure, snapshotDatabase } from '../store/index.ts';
import { type ArchivedFile, type BackupFacts, writeArchive } from './backup-archive.ts';
import { ChannelsAside, channelNames } from './channels-aside.ts';
import { CHANNELS, DATA_PARTS, LAST_BACKUP } from './data-parts.ts';

/** Space that the archive needs beside its files. */
const ROOM_BYTES = 1024 * 1024;

/** A backup that was made. */
export interface Backup extends BackupFacts {
  readonly file: string;
  readonly bytes: number;
}

/**
 * Puts all that a data folder owns, as it is at one moment, into a new archive of mode 0600 (SPEC {#backup}); a server may run on it. The archive has its name
 * only once it is whole and on the disk. Throws `conflict` for a name that is taken, `not_found` for a folder without data,
 * `overloaded` for a full disk, `forbidden` without permission, and the reason of `signal`.
 */
export async function backUp(o: { data: string; file: string; version: string; signal: AbortSignal }): Promise<Backup> {
  const file = resolve(o.file);
  const database = join(o.data, 'headgate.db');
  if (!existsSync(database))
    throw new HeadgateError('not_found', `there are no data in ${o.data}; name the folder with --data`, { folder: o.data });
  if (existsSync(file)) throw taken(file);
  let work: string | undefined;
  let aside: ChannelsAside | undefined;
  try {
    hasRoom(dirname(file), 2 * statSync(database).size + channelBytes(o.data));
    work = mkdtempSync(join(dirname(file), `.${basename(file)}.`));
    const archive = join(work, 'archive');
    const facts = { version: o.version, of: realpathSync(o.data), at: new Date(systemClock.now()).toISOString() };
    aside = new ChannelsAside(o.data);
    const files = await gather(o.data, work, aside, o.signal);
    await writeArchive({ to: archive, facts, files, signal: o.signal });
    publish(archive, file);
    const backup = { file, bytes: statSync(file).size, ...facts };
    noteBackup(o.data, backup);
    return backup;
  } catch (error) {
    throw explained(error, { what: `${file} cannot be written`, path: file, signal: o.signal });
  } finally {
    if (work !== undefined) rmSync(work, { recursive: true, force: true });
    aside?.remove();
  }
}

/** For the doctor, which says how old the last one is; a backup is as good without. */
function noteBackup(data: string, { file, at }: Backup): void {
  try {
    replaceFile(join(data, LAST_BACKUP), `${JSON.stringify({ file, at })}\n`);
  } catch {
    // Such as a disk that is full or read-only.
  }
}

/** The files of a backup, those that others write to as copies in `work`. */
async function gather(data: string, work: string, aside: ChannelsAside, signal: AbortSignal): Promise<ArchivedFile[]> {
  const files: ArchivedFile[] = [];
  for (const { name, backup } of DATA_PARTS) {
    const path = join(work, name);
    if (backup === 'files') continue;
    if (backup === 'database') {
      aside.take();
      const channels = await snapshotDatabase({ file: join(data, name), to: path, signal });
      aside.take();
      files.push({ name, path }, ...channels.map(({ file, bytes }) => ({ name: `${CHANNELS}/${file}`, path: aside.path(file), bytes })));
      continue;
    }
    if (backup !== 'file' || !copied(join(data, name), path)) continue;
    files.push({ name, path });
  }
  return files;
}

function copied(from: string, to: string): boolean {
  try {
    copyFileSync(from, to);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

/** Bytes of the files of channels. */
function channelBytes(data: string): number {
  let bytes = 0;
  for (const name of channelNames(data)) bytes += statSync(join(data, CHANNELS, name), { throwIfNoEntry: false })?.size ?? 0;
  return bytes;
}

/** The database is there twice for a while: as a copy and in the archive. */
function hasRoom(folder: string, bytes: number): void {
  const { bavail, bsize } = statfsSync(folder);
  const [free, needed] = [bavail * bsize, bytes + ROOM_BYTES];
  if (free >= needed) return;
  throw new HeadgateError(
    'overloaded',
    `${folder} has ${formatBytes(free)} free, and the backup needs ${formatBytes(needed)} while it is made`,
    {
      folder,
      retry_after_ms: 60_000,
    },
  );
}

function publish(archive: string, file: string): void {
  try {
    linkSync(archive, file);
  } catch (error) {
    if (systemCode(error) === 'EEXIST') throw taken(file);
    // A file system without hard links.
    if (existsSync(file)) throw taken(file);
    renameSync(archive, file);
  }
}

function taken(file: string): HeadgateError {
  return new HeadgateError('conflict', `${file} exists; name a file that does not`, { file });
}

/** The error of a backup or of its restoring, in words of what to do. */
export function explained(error: unknown, { what, path, signal }: { what: string; path: string; signal: AbortSignal }): unknown {
  if (isHeadgateError(error) || signal.aborted) return error;
  const code = systemCode(error) ?? '';
  const options = { cause: error };
  if (code === 'ENOSPC' || code === 'EDQUOT' || isDiskFailure(error))
    return new HeadgateError(
      'overloaded',
      `${what}: the disk is full; free some space, or name another place`,
      { path, retry_after_ms: 60_000 },
      options,
    );
  if (/^(EACCES|EPERM|EROFS)$/.test(code)) return new HeadgateError('forbidden', `${what}: ${messageOf(error)}`, { path }, options);
  return new HeadgateError('conflict', `${what}: ${messageOf(error)}`, { path }, options);
}
