import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs';
import { setImmediate as nextTick } from 'node:timers/promises';
import { bootId } from '../../core/boot-id.ts';
import { systemCode } from '../../core/errors.ts';
import type { ProcessIdentity } from '../shim/producer-folder.ts';

/** One process, from /proc/PID/stat (proc(5)). */
export interface ProcStat {
  readonly pid: number;
  readonly state: string;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  /** Device number of its controlling terminal, 0 for none, and the process group in that one's foreground. */
  readonly terminal: number;
  readonly foreground: number;
  readonly startTicks: string;
}

/** Processes looked at before other work gets its turn; about a third of a millisecond. */
const SCAN_SLICE = 32;

/** True where /proc has what this backend needs. */
export function hasProc(): boolean {
  return existsSync('/proc/self/stat') && bootId() !== null;
}

/** Reads one process; undefined if it does not exist. */
export function readStat(pid: number): ProcStat | undefined {
  const text = readSmall(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  // The name, in parentheses, may itself hold blanks and parentheses.
  const [state = '', parent = '', group = '', session = '', terminal = '', foreground = '', ...rest] = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ');
  return {
    pid,
    state,
    parent: Number(parent),
    group: Number(group),
    session: Number(session),
    terminal: Number(terminal),
    foreground: Number(foreground),
    startTicks: rest[13] ?? '',
  };
}

const small = Buffer.allocUnsafe(1024);

/** Half the cost of readFileSync, which counts: one scan reads the line of every process. */
function readSmall(path: string): string | undefined {
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    return small.toString('latin1', 0, readSync(file, small));
  } catch (error) {
    // Gone before it was opened, or between that and the reading. Anything else says nothing of the process.
    const code = systemCode(error);
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** True for a process that only waits to be reaped. */
export function isDead(stat: ProcStat): boolean {
  return stat.state === 'Z' || stat.state === 'X';
}

/** The process as it is now, or undefined when it is gone, a zombie, or another one has its number. */
export function readAlive(identity: ProcessIdentity): ProcStat | undefined {
  if (identity.bootId !== bootId()) return undefined;
  const stat = readStat(identity.pid);
  return stat && stat.startTicks === identity.startTicks && !isDead(stat) ? stat : undefined;
}

/** Identity of a process that is there now. */
export function identify(pid: number): ProcessIdentity | undefined {
  const stat = readStat(pid);
  return stat && { pid, startTicks: stat.startTicks, bootId: bootId() ?? '' };
}

/** Every living process that began at these ticks or later. Gives way to other work in between. */
export async function processesSince(startTicks: string): Promise<ProcStat[]> {
  const since = Number(startTicks);
  const pids = readdirSync('/proc').filter((name) => name.charCodeAt(0) <= 57);
  const found: ProcStat[] = [];
  for (let i = 0; i < pids.length; i++) {
    if (i % SCAN_SLICE === SCAN_SLICE - 1) await nextTick();
    const stat = readStat(Number(pids[i]));
    if (stat && Number(stat.startTicks) >= since && !isDead(stat)) found.push(stat);
  }
  return found;
}

/** True when the process was started with all these `NAME=value` pairs; false also when its environment is not ours to read. */
export function hasEnvironment(pid: number, pairs: readonly string[]): boolean {
  try {
    const environment = `\0${readFileSync(`/proc/${pid}/environ`, 'utf8')}\0`;
    return pairs.every((pair) => environment.includes(`\0${pair}\0`));
  } catch {
    return false;
  }
}

/** True when the process has one of these files open; false also when its files are not ours to see. */
export function holdsOpen(pid: number, files: readonly string[]): boolean {
  try {
    const wanted = files.map((file) => statSync(file));
    return readdirSync(`/proc/${pid}/fd`).some((fd) => {
      const open = statSync(`/proc/${pid}/fd/${fd}`, { throwIfNoEntry: false });
      return open !== undefined && wanted.some((file) => file.ino === open.ino && file.dev === open.dev);
    });
  } catch {
    return false;
  }
}

/**
 * True for the process that bubblewrap leaves behind as number 1 of a sandbox, while anything in it runs: it has the
 * command's output open and never writes to it.
 */
export function isSandboxInit(pid: number): boolean {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    return status.startsWith('Name:\tbwrap\n') && /^NSpid:(\t\d+)+\t1$/m.test(status);
  } catch {
    return false;
  }
}
