// Made from src/backends/remote/hasten.sh by npm run docs.
import { LIBRARY_SH } from './library-sh.ts';

/** Ends the grace period of a kill that is under way: NONCE ROOT RUNNER ID. */
export const HASTEN_SH = `# Ends the grace period of a kill that is under way: NONCE ROOT RUNNER ID.\n${LIBRARY_SH}exec 2> /dev/null\nhg_find_spool "$2" "$3"\ncd "$hg_spool/$4" && true > kill.now\nhg_say 'done'\nexit 0\n`;
