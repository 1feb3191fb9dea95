import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { identify, readAlive } from '../backends/process/index.ts';
import { systemClock } from '../core/clock.ts';
import { isHeadgateError } from '../core/errors.ts';
import { lockDataFolder } from '../store/lock.ts';
import { dataPaths } from './server-files.ts';

/** How often the process is looked at (milliseconds). */
const LOOK_MS = 50;

/**
 * Ends the server of a data folder in order, with SIGTERM, and waits until its process is gone (SPEC {#cli_stop}). Returns its process
 * number and whether it has ended within `timeoutMs`; undefined where no server runs. A process that does not have the folder's lock is
 * not touched, even if the record names it.
 *
 * @throws the error of kill(2): EPERM for a server of another user
 */
export async function stopServer(options: { data: string; timeoutMs: number }): Promise<{ pid: number; ended: boolean } | undefined> {
  if (!existsSync(options.data)) return undefined;
  const { folder, record } = dataPaths(options.data);
  const pid = recordedPid(record);
  if (pid === undefined || pid !== holderOf(folder)) return undefined;
  const until = systemClock.monotonic() + options.timeoutMs;
  const server = identify(pid);
  if (!server) return undefined;
  process.kill(pid, 'SIGTERM');
  while (readAlive(server)) {
    if (systemClock.monotonic() > until) return { pid, ended: false };
    await delay(LOOK_MS);
  }
  return { pid, ended: true };
}

function recordedPid(file: string): number | undefined {
  try {
    const { pid } = JSON.parse(readFileSync(file, 'utf8')) as { pid?: unknown };
    return typeof pid === 'number' ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** Who has the data folder: asked of the lock, since what a file says of it may be of one that was killed. */
function holderOf(folder: string): unknown {
  try {
    lockDataFolder(folder, { pid: process.pid, startedAt: systemClock.now() })();
    return undefined;
  } catch (error) {
    if (isHeadgateError(error, 'conflict')) return error.data['pid'];
    throw error;
  }
}
