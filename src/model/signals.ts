import { constants } from 'node:os';
import { HeadgateError } from '../core/errors.ts';

/** The full name of a signal: `TERM`, `SIGTERM` and `15` all give `SIGTERM`. Throws `invalid_params` for one that does not exist. */
export function signalName(signal: string): NodeJS.Signals {
  const table = constants.signals as Record<string, number>;
  const upper = signal.toUpperCase();
  const full = upper.startsWith('SIG') ? upper : `SIG${upper}`;
  if (full in table) return full as NodeJS.Signals;
  for (const [name, number] of Object.entries(table)) if (String(number) === signal) return name as NodeJS.Signals;
  throw new HeadgateError('invalid_params', `signal "${signal}" does not exist here; for example SIGINT, SIGTERM, SIGKILL`, {
    field: 'signal',
  });
}

/** The signal that a shell's exit code above 128 stands for; undefined for other codes. */
export function signalOfExitCode(exitCode: number): string | undefined {
  if (exitCode <= 128) return undefined;
  const table = constants.signals as Record<string, number>;
  return Object.entries(table).find(([, number]) => number === exitCode - 128)?.[0];
}
