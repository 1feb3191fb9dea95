import { execa } from 'execa';
import type { ProducerSpec } from '../../model/records.ts';

/**
 * Launches the shim in a session of its own and forgets it: it lives on when this process ends.
 * Answers its pid; throws when it cannot be started. `ended` is called once it has gone.
 */
export async function launchShim(options: {
  shim: string;
  folder: string;
  spec: ProducerSpec;
  marker: Readonly<Record<string, string>>;
  withheld: readonly string[];
  ended: () => void;
}): Promise<number> {
  const { spec } = options;
  const shim = execa('/bin/sh', [options.shim, options.folder, spec.command, spec.stdin ? '1' : '0'], {
    cwd: spec.cwd,
    env: { ...Object.fromEntries(options.withheld.map((name) => [name, undefined])), PWD: spec.cwd, ...spec.env, ...options.marker },
    detached: true,
    cleanup: false,
    stdio: 'ignore',
    buffer: false,
    reject: false,
  });
  const { pid } = shim;
  if (pid === undefined) {
    const { cause, originalMessage } = await shim;
    throw new Error(originalMessage ?? 'sh cannot be started', { cause });
  }
  shim.unref();
  void shim.then(options.ended);
  return pid;
}
