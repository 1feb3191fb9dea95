import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { HeadgateError, messageOf, systemCode } from '../core/errors.ts';
import { homeFolder } from '../core/home-folder.ts';
import type { Ids } from '../core/ids.ts';
import { makeFolder } from '../core/make-folder.ts';
import { replaceFile } from '../core/whole-file.ts';

/** Bytes that a unix socket's path may have on Linux, its final NUL included (unix(7)). */
const SOCKET_PATH_BYTES = 108;

/** Name of the log of a server that a command starts, which makes it before the server looks at the folder. */
const LOG = 'server.log';

/** Where a server keeps its things (SPEC {#data_folder}). */
export interface DataPaths {
  readonly folder: string;
  readonly database: string;
  readonly producers: string;
  readonly socket: string;
  readonly token: string;
  readonly record: string;
  /** Providers that were added at run time. */
  readonly providers: string;
}

/**
 * Sees to it that the data folder is private to its user, also one that was there and is open to others. Throws `forbidden` when it cannot be,
 * and for a folder with other things in it, which others may need.
 */
export function makePrivate(folder: string): void {
  if ((statSync(folder).mode & 0o077) === 0) return;
  const refused = (why: string) =>
    new HeadgateError(
      'forbidden',
      `the data folder ${folder} is open to other users and ${why}; name a folder of its own with --data, or run chmod 700 on this one`,
      { folder },
    );
  const names = readdirSync(folder).filter((name) => name !== LOG);
  if (names.length > 0 && !names.includes('headgate.db')) throw refused('has other things than data in it');
  try {
    chmodSync(folder, 0o700);
  } catch (error) {
    throw refused(`cannot be closed to them: ${messageOf(error)}`);
  }
}

/** The files of a data folder, made with mode 0700 when missing. Throws `forbidden` when it cannot be made. */
export function dataPaths(data: string): DataPaths {
  const folder = resolve(data);
  try {
    makeFolder(folder);
  } catch (error) {
    throw new HeadgateError('forbidden', `cannot make the data folder ${folder}: ${messageOf(error)}; name a folder of yours with --data`, {
      folder,
    });
  }
  return {
    folder,
    database: join(folder, 'headgate.db'),
    producers: join(folder, 'producers'),
    socket: socketPath(folder),
    token: join(folder, 'token'),
    record: join(folder, 'server.json'),
    providers: join(folder, 'providers.json'),
  };
}

/** `headgate.sock` in the folder; for a folder whose path is too long for a socket, one in a private temporary folder. */
function socketPath(folder: string): string {
  const inside = join(folder, 'headgate.sock');
  if (Buffer.byteLength(inside) < SOCKET_PATH_BYTES) return inside;
  const own = join(tmpdir(), `headgate-${userInfo().uid}`);
  mkdirSync(own, { recursive: true, mode: 0o700 });
  chmodSync(own, 0o700);
  return join(own, `${createHash('sha256').update(folder).digest('hex').slice(0, 16)}.sock`);
}

/** The token of this data folder; made at the first start, mode 0600, never logged (SPEC {#token}). */
export function readOrMakeToken(file: string, ids: Ids): string {
  try {
    const token = readFileSync(file, 'utf8').trim();
    if (token !== '') return token;
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') {
      throw new HeadgateError('forbidden', `cannot read ${file}: ${messageOf(error)}; it must belong to the user who starts the server`, {
        file,
      });
    }
  }
  const token = ids.token(32);
  replaceFile(file, `${token}\n`);
  return token;
}

/** What `server.json` has. */
interface ServerRecord {
  readonly pid: number;
  readonly url: string;
  readonly http: string;
  readonly socket: string;
  readonly data: string;
  /** For `headgate doctor`. */
  readonly version: string;
  readonly publicUrl?: string;
  readonly allowedOrigins?: readonly string[];
  readonly trustedProxies?: readonly string[];
}

/** Says in the data folder who serves it and where; clients on this host find the socket by it, and by `data` that it is no copy. */
export function writeServerRecord(file: string, record: ServerRecord): void {
  replaceFile(file, `${JSON.stringify(record)}\n`);
}

/** Takes the record away again. */
export function removeServerRecord(file: string): void {
  rmSync(file, { force: true });
}

/** Folder of the user's own skills and personas: `headgate` in the XDG configuration folder (SPEC {#skills}). */
export function userFolder(env: NodeJS.ProcessEnv): string {
  return join(env['XDG_CONFIG_HOME'] || join(homeFolder(env), '.config'), 'headgate');
}
