import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { ProducerSpec } from '../../model/records.ts';

/**
 * Launches the shim in a session of its own and forgets it: it lives on when this process ends.
 * Answers its pid; throws when it cannot be started. `ended` is called once it has gone.
 */
export async function launchShim(options: {
  shim: string;
  folder: string;
  spec: Pick<ProducerSpec, 'command' | 'cwd' | 'stdin'>;
  /** All of its environment. */
  env: Readonly<Record<string, string>>;
  ended: () => void;
}): Promise<number> {
  const { spec, env } = options;
  const shim = spawn('/bin/sh', [options.shim, options.folder, spec.command, spec.stdin ? '1' : '0'], {
    cwd: spec.cwd,
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
