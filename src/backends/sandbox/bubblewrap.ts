import { execFile } from 'node:child_process';
import { accessSync, constants, lstatSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { systemCode } from '../../core/errors.ts';
import { SYSTEM_PATH } from '../../core/system-path.ts';

/** How long the probe may take (milliseconds); less than `backend/list` waits for a backend. */
const PROBE_MS = 1500;
/** Permission bits: any class of users may write. */
const WRITABLE = 0o222;

/** Namespaces of its own and no capabilities, also for root. */
const ISOLATION: readonly string[] = [
  '--unshare-user',
  '--unshare-pid',
  '--unshare-ipc',
  '--unshare-uts',
  '--unshare-cgroup-try',
  '--cap-drop',
  'ALL',
];

/** Bubblewrap 0.8 or later: no user namespaces further in, in which a command would have every capability again. */
const NO_FURTHER_USERS = '--disable-userns';

/**
 * The file systems every sandbox begins with. The settings of the kernel in /proc belong to user 0 also in a namespace of its own, so that without
 * read-only mounts a server that runs as root would leave them writable; some are for everybody to write to.
 */
export function system(): string[] {
  return ['--ro-bind', '/', '/', '--dev', '/dev', '--proc', '/proc', ...settings().flatMap((path) => ['--ro-bind', path, path])];
}

/** What of /proc is about no process and may be written to by some user. */
function settings(): string[] {
  return readdirSync('/proc')
    .filter((name) => !/^\d+$/.test(name))
    .map((name) => join('/proc', name))
    .filter((path) => {
      const stat = lstatSync(path, { throwIfNoEntry: false });
      return stat?.isDirectory() || (stat?.isFile() && (stat.mode & WRITABLE) !== 0);
    });
}

/**
 * What runs in a sandbox: bubblewrap is started with every signal ignored, so that one for the command's group does not
 * end the process between the command and its exit code; the command itself begins with none ignored.
 */
export const RESET_SIGNALS: readonly string[] = ['/usr/bin/env', '--default-signal'];

/** Bubblewrap on this machine: where it is, or why there can be no sandbox and how to get one. */
export type Bubblewrap = FoundBubblewrap | { readonly reason: string };

/** Bubblewrap as it works on this machine. */
export interface FoundBubblewrap {
  readonly path: string;
  readonly version: string;
  /** What each sandbox begins with. */
  readonly isolation: readonly string[];
}

/** Looks for bubblewrap and tries it. `folders` are where it is looked for. */
export async function findBubblewrap(folders: readonly string[] = SYSTEM_PATH.split(delimiter)): Promise<Bubblewrap> {
  const path = folders.map((folder) => join(folder, 'bwrap')).find(isExecutable);
  if (path === undefined) return { reason: 'bubblewrap is not installed; install it (Debian: apt-get install bubblewrap)' };
  const [narrow, wide, { out }] = await Promise.all([
    attempt(path, [...ISOLATION, NO_FURTHER_USERS]),
    attempt(path, ISOLATION),
    run(path, ['--version']),
  ]);
  if (wide.failure !== undefined) return { reason: explain(wide.failure) };
  return { path, version: out.trim(), isolation: narrow.failure === undefined ? [...ISOLATION, NO_FURTHER_USERS] : ISOLATION };
}

function attempt(path: string, isolation: readonly string[]): ReturnType<typeof run> {
  return run(path, [...isolation, ...system(), '--', ...RESET_SIGNALS, '/bin/sh', '-c', ':']);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function run(file: string, args: readonly string[]): Promise<{ out: string; failure?: string }> {
  return new Promise((resolve) => {
    execFile(file, [...args], { timeout: PROBE_MS, killSignal: 'SIGKILL', env: {} }, (error, out, err) => {
      if (!error) resolve({ out });
      else if (error.killed) resolve({ out, failure: `it did not answer within ${PROBE_MS / 1000} s` });
      else resolve({ out, failure: err.trim().split('\n').at(-1) || systemCode(error) || error.message });
    });
  });
}

function explain(failure: string): string {
  if (/default-signal/.test(failure)) {
    return `a sandbox needs env of coreutils 8.31 or later in /usr/bin (${failure}); install coreutils`;
  }
  if (/namespace|uid map|gid map/i.test(failure)) {
    return `this kernel lets this user make no user namespaces (${failure}); allow it: sysctl kernel.unprivileged_userns_clone=1, user.max_user_namespaces above 0, on Ubuntu kernel.apparmor_restrict_unprivileged_userns=0; in a container, let that one do it`;
  }
  return `bubblewrap does not work here: ${failure}`;
}
