import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { ProducerSpec } from '../../model/records.ts';

export interface LaunchOptions {
  readonly shim: string;
  readonly folder: string;
  readonly spec: ProducerSpec;
  readonly marker: Readonly<Record<string, string>>;
  readonly withheld: readonly string[];
  readonly ended: () => void;
}

/** Starts the shim of a producer folder; answers its pid. */
export type Launch = (options: LaunchOptions) => Promise<number>;

/**
 * Launches the shim in a session of its own and forgets it: it lives on when this process ends.
 * Answers its pid; throws when it cannot be started. `ended` is called once it has gone.
 */
export async function launchShim(options: LaunchOptions): Promise<number> {
  const { spec, marker, withheld } = options;
  const env: NodeJS.ProcessEnv = { ...process.env, PWD: spec.cwd, ...spec.env, ...marker };
  for (const name of withheld) if (!(name in spec.env)) delete env[name];
  const shim = spawn('/bin/sh', [options.shim, options.folder, spec.command, spec.stdin ? '1' : '0'], {
    cwd: spec.cwd,
    env,
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
