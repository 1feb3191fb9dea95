// Made from src/backends/remote/remove.sh by npm run docs.
import { LIBRARY_SH } from './library-sh.ts';

/** Removes a producer's folder, and those around it when nothing else is in them: NONCE ROOT RUNNER ID [idle]. */
export const REMOVE_SH = `# Removes a producer's folder, and those around it when nothing else is in them: NONCE ROOT RUNNER ID [idle].\n${LIBRARY_SH}exec 2> /dev/null\nhg_find_spool "$2" "$3"\nif [ "$5" = idle ] && cd "$hg_spool/$4" && hg_claim && hg_shim_alive; then hg_say busy; exit 0; fi\nhg_remove "$4" || hg_fail not_removed "$hg_spool/$4"\nhg_say 'done'\nexit 0\n`;
