import { scriptFile } from './script-file.ts';
import { SHIM_SH } from './shim-sh.ts';

/**
 * Signals that the shim traps, so that one sent to the whole group ends the command and not the shim, where the two are in one group: in a
 * terminal. They are trapped and not ignored because a command inherits ignored signals. A signal outside this list is then sent to each
 * process of the command instead of to the group. The shim has the same in trapped-signals.sh.
 */
export const TRAPPED_SIGNALS = [
  'SIGHUP',
  'SIGINT',
  'SIGQUIT',
  'SIGABRT',
  'SIGALRM',
  'SIGPIPE',
  'SIGTERM',
  'SIGUSR1',
  'SIGUSR2',
  'SIGTSTP',
  'SIGTTIN',
  'SIGTTOU',
] as const;

/** File name of the shim in a backend's folder. */
export const SHIM_FILE = scriptFile('shim', SHIM_SH);
