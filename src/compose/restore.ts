import { createWriteStream, existsSync, mkdirSync, readdirSync, renameSync, rmdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { systemClock } from '../core/clock.ts';
import { HeadgateError, systemCode } from '../core/errors.ts';
import { makeFolder } from '../core/make-folder.ts';
import { lockDataFolder } from '../store/index.ts';
import { explained } from './backup.ts';
import { type BackupFacts, readArchive } from './backup-archive.ts';
import { CHANNELS, DATA_PARTS } from './data-parts.ts';
import { makePrivate } from './server-files.ts';

/** The database comes first. */
const PARTS = DATA_PARTS.filter(({ backup }) => backup);

const CHANNEL_FILE = new RegExp(`^${CHANNELS}/[A-Za-z0-9_-]+$`);

/** Where the files are until all of them are there and right. */
const WORK = '.restoring';

/**
 * Unpacks a backup into a folder that is empty or missing (SPEC {#restore}), with nothing there until all was found whole. Throws `conflict` for a folder
 * with something in it and for a file that is not a whole backup, `not_found` for a missing one, `overloaded` for a full disk,
 * `forbidden` without permission, and the reason of `signal`.
 */
export async function restore(o: {
  file: string;
  folder: string;
  signal: AbortSignal;
}): Promise<BackupFacts & { readonly folder: string }> {
  const file = resolve(o.file);
  const folder = resolve(o.folder);
  const made = !existsSync(folder);
  if (!existsSync(file)) throw new HeadgateError('not_found', `there is no file ${file}`, { file });
  let release: (() => void) | undefined;
  try {
    isEmpty(folder);
    makeFolder(folder);
    makePrivate(folder);
    // No server, and no other restoring, begins here meanwhile.
    release = lockDataFolder(folder, { pid: process.pid, startedAt: systemClock.now() });
    isEmpty(folder);
    const work = join(folder, WORK);
    rmSync(work, { recursive: true, force: true });
    mkdirSync(work, { mode: 0o700 });
    mkdirSync(join(work, CHANNELS), { mode: 0o700 });
    const facts = await unpack(file, work, o.signal);
    // The database last: without it a folder has no data.
    for (const { name } of PARTS.toReversed()) if (existsSync(join(work, name))) renameSync(join(work, name), join(folder, name));
    rmdirSync(work);
    release();
    return { ...facts, folder };
  } catch (error) {
    if (release) clear(folder, made, release);
    throw explained(error, { what: `${file} cannot be restored to ${folder}`, path: folder, signal: o.signal });
  }
}

async function unpack(file: string, work: string, signal: AbortSignal): Promise<BackupFacts> {
  const names = new Set(PARTS.filter(({ backup }) => backup !== 'files').map(({ name }) => name));
  const facts = await readArchive({
    file,
    signal,
    take: async (name, body) => {
      if (!names.delete(name) && !CHANNEL_FILE.test(name))
        throw new HeadgateError('conflict', `the backup ${file} is not whole: ${name} does not belong there; take another one`, { file });
      await pipeline(body, createWriteStream(join(work, name), { flags: 'wx', mode: 0o600, flush: true }), { signal });
    },
  });
  const [first] = PARTS;
  if (first && names.has(first.name))
    throw new HeadgateError('conflict', `the backup ${file} has no ${first.name}; take another one`, { file });
  return facts;
}

/** Throws `conflict` for a folder with anything but what a restoring that was killed has left. */
function isEmpty(folder: string): void {
  let names: string[];
  try {
    names = readdirSync(folder).filter((name) => name !== WORK && !/^lock\.(db|json)/.test(name));
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return;
    throw error;
  }
  if (names.length === 0) return;
  throw new HeadgateError('conflict', `${folder} is not empty; name an empty folder, or one that does not exist`, { folder });
}

/** Leaves the folder as it was. */
function clear(folder: string, made: boolean, release: () => void): void {
  rmSync(join(folder, WORK), { recursive: true, force: true });
  rmSync(join(folder, 'lock.db'), { force: true });
  release();
  if (made) rmSync(folder, { recursive: true, force: true });
}
