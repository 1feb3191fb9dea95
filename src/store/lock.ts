import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { HeadgateError } from '../core/errors.ts';
import { makeFolder } from '../core/make-folder.ts';
import { replaceFile } from '../core/whole-file.ts';
import { isBusy, openFailure } from './failures.ts';

/** How long two servers that start at once wait for each other (milliseconds). */
const WAIT_MS = 300;

/** Who holds a data folder. */
export interface LockHolder {
  readonly pid: number;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
}

/**
 * Takes the data folder for this process, or throws `conflict` with who holds it (SPEC {#data_lock}). The lock is an
 * exclusive transaction on `lock.db`: the kernel ends it with the process, however that ends, and children do not
 * inherit it. `lock.json` only says who it is. Returns how to give the folder back.
 *
 * Nothing else in this process may open `lock.db`: closing any descriptor of a file drops the process's locks on it.
 */
export function lockDataFolder(folder: string, holder: LockHolder): () => void {
  const file = join(folder, 'lock.db');
  const facts = join(folder, 'lock.json');
  let lock: Database.Database | undefined;
  try {
    makeFolder(folder);
    // SQLite makes its files with the umask's mode; output of commands is for this user alone.
    writeFileSync(file, '', { flag: 'a', mode: 0o600 });
    lock = new Database(file, { timeout: WAIT_MS });
    lock.exec('begin exclusive');
  } catch (error) {
    lock?.close();
    if (isBusy(error)) throw refusal(folder);
    throw openFailure(error, file);
  }
  const held = lock;
  try {
    replaceFile(facts, JSON.stringify(holder));
  } catch {
    // A full disk: the folder is held all the same, the refusal of a second server then names no process.
  }
  return () => {
    if (!held.open) return;
    rmSync(facts, { force: true });
    held.close();
  };
}

function refusal(folder: string): HeadgateError {
  const lock = readFacts(join(folder, 'lock.json'));
  const server = readFacts(join(folder, 'server.json'));
  const pid = lock['pid'];
  const startedAt = lock['startedAt'];
  // Between two holders the facts may be of the one before.
  const known = typeof pid === 'number' && typeof startedAt === 'number' && isAlive(pid);
  const since = known ? new Date(startedAt).toISOString() : undefined;
  const url = known && server['pid'] === pid && typeof server['url'] === 'string' ? server['url'] : undefined;
  const who = known ? `process ${pid} since ${since}${url ? `, reached at ${url}` : ''}` : 'another process';
  return new HeadgateError(
    'conflict',
    `${folder} is in use by ${who}; use that server, stop it first, or start with another --data folder`,
    {
      folder,
      ...(known ? { pid, since } : {}),
      ...(url ? { url } : {}),
    },
  );
}

function readFacts(file: string): Record<string, unknown> {
  try {
    const facts: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return typeof facts === 'object' && facts !== null ? { ...facts } : {};
  } catch {
    return {};
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
