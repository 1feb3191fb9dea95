import { scriptFile } from '../shim/script-file.ts';
import { WARDEN_SH } from './warden-sh.ts';

/** The nonce in the records of the kills that the warden makes by itself. */
export const WARDEN_NONCE = 'warden';

/** File name of the warden in a spool. */
export const WARDEN_FILE = scriptFile('warden', WARDEN_SH);

/** Files of a spool that are no producer folders. */
export const SPOOL_FILES: readonly string[] = ['server', 'warden', 'gone'];
