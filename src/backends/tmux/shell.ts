import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { HeadgateError } from '../../core/errors.ts';
import { ownSearchPath } from '../../core/search-path.ts';

/** tmux replies within milliseconds; without a reply in this time (milliseconds) it is stopped or hangs. */
const PATIENCE_MS = 10_000;

export interface ShellAnswer {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a POSIX shell script with arguments to its end, where the tmux server is. Throws when that is not possible. */
export type Shell = (script: string, args: readonly string[], input?: Buffer) => Promise<ShellAnswer>;

/** This machine, without the variables that are not for a tmux server which such a script may be the first to start. */
export function localShell(withheld: readonly string[]): Shell {
  return async (script, args, input) => {
    const env: NodeJS.ProcessEnv = { ...process.env, PATH: ownSearchPath() };
    for (const name of [...withheld, 'TMUX', 'TMUX_PANE', 'HEADGATE_PRODUCER', 'HEADGATE_SPOOL']) delete env[name];
    const child = spawn('/bin/sh', ['-c', script, 'sh', ...args], { env, stdio: 'pipe', timeout: PATIENCE_MS, killSignal: 'SIGKILL' });
    const ended = new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => resolve(code));
    });
    // It may end without having read its input; its exit code says so.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    const [code, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
    if (child.signalCode === 'SIGKILL') {
      throw new HeadgateError('conflict', `tmux has not answered for ${PATIENCE_MS / 1000} s; look whether its server is stopped`, {
        outcome: 'tmux_silent',
      });
    }
    return { code, stdout, stderr };
  };
}
