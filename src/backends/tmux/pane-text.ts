import { scriptFile } from '../shim/script-file.ts';
import { PANE_SH } from './pane-sh.ts';
import { PIPE_SH } from './pipe-sh.ts';
import { WATCH_SH } from './watch-sh.ts';

/** File names of the scripts in the spool. */
export const PANE_FILE = scriptFile('shim-pane', PANE_SH);
export const PIPE_FILE = scriptFile('shim-pipe', PIPE_SH);
export const WATCH_FILE = scriptFile('shim-watch', WATCH_SH);
