import { scriptFile } from '../shim/script-file.ts';
import { WARDEN_SH } from './warden-sh.ts';

/** Whom the warden's own kills are said to be asked by: the nonce of their records. */
export const WARDEN_NONCE = 'warden';

/** File name of the warden in a spool. */
export const WARDEN_FILE = scriptFile('warden', WARDEN_SH);

/** Files of a spool that are no producer folders. */
export const SPOOL_FILES: readonly string[] = ['server', 'warden', 'gone'];
