import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { systemCode } from '../core/errors.ts';

/**
 * Leaves the tree of the process that runs it. The shell starts a second one and ends; only when this process has seen
 * that end, and closed the pipe, does the second one start the program, say its number and end too. So no look at the
 * process table at any moment shows the program below this process.
 */
const SCRIPT = `
exec 3<&0
(
  read -r _ <&3
  exec 3<&-
  if command -v setsid >/dev/null 2>&1; then set -- setsid "$@"; fi
  "$@" </dev/null >/dev/null &
  echo $!
) &
`;

/**
 * Starts a program that nothing ties to this process: a child of init, or of the process that adopts orphans here, in a session of
 * its own, without a terminal, standard input and output at /dev/null (SPEC {#cli_ensure}). Returns its process number.
 *
 * @param options - `stderr`: descriptor that standard error goes to
 * @throws Error when there is no shell or no process could be made
 */
export async function startDetached(
  words: readonly string[],
  options: { readonly cwd: string; readonly env: NodeJS.ProcessEnv; readonly stderr: number },
): Promise<number> {
  const { cwd, env, stderr } = options;
  const shell = spawn('/bin/sh', ['-c', SCRIPT, 'sh', ...words], { cwd, env, detached: true, stdio: ['pipe', 'pipe', stderr] });
  const { stdin, stdout } = shell;
  let said = '';
  stdout?.on('data', (bytes: Buffer) => {
    said += bytes.toString();
  });
  stdin?.on('error', () => {});
  shell.once('exit', () => stdin?.end());
  await once(shell, 'close');
  const pid = Number(said);
  if (!Number.isSafeInteger(pid) || pid <= 0) throw new Error('no process could be started; the machine may have none left');
  return pid;
}

/** True while a process of this number runs; a zombie does not. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return systemCode(error) === 'EPERM';
  }
  try {
    return !/^\d+ \(.*\) [ZX] /s.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    // Gone meanwhile, or a system without /proc.
    return process.platform !== 'linux';
  }
}
