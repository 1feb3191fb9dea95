import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** What a shim runs, and where. */
export interface Launch {
  /** The program and its arguments. */
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly stdin: boolean;
  /** Its output goes through pipes and copiers (SPEC {#copiers}); false for what relays a terminal. */
  readonly copy: boolean;
  /** All of its environment. */
  readonly env: Readonly<Record<string, string>>;
}

/** The shim of a folder, as a program and its arguments. */
export function shimArgv(shim: string, folder: string, { argv, stdin, copy }: Launch): [string, ...string[]] {
  return ['/bin/sh', shim, folder, stdin ? '1' : '0', copy ? '1' : '0', ...argv];
}

/**
 * Launches the shim in a session of its own and forgets it: it lives on when this process ends.
 * Returns its pid; throws when it cannot be started. `ended` is called once it has gone.
 */
export async function launchShim(options: { shim: string; folder: string; launch: Launch; ended: () => void }): Promise<number> {
  const { cwd, env } = options.launch;
  const [program, ...args] = shimArgv(options.shim, options.folder, options.launch);
  const shim = spawn(program, args, {
    cwd,
    env: { ...env },
    detached: true,
    stdio: 'ignore',
  });
  const { pid } = shim;
  if (pid === undefined) {
    const [error] = (await once(shim, 'error')) as [Error];
    throw error;
  }
  // A kill that fails is told here as well; what became of the shim is looked up where it matters.
  shim.on('error', () => {});
  shim.once('exit', options.ended);
  shim.unref();
  return pid;
}
