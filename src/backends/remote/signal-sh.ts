// Made from src/backends/remote/signal.sh by npm run docs.
import { LIBRARY_SH } from './library-sh.ts';

/** Signals a producer: NONCE ROOT RUNNER ID SIGNAL GROUP. */
export const SIGNAL_SH = `# Signals a producer: NONCE ROOT RUNNER ID SIGNAL GROUP.\n${LIBRARY_SH}exec 2> /dev/null\nhg_id=$4\nhg_find_spool "$2" "$3"\ncd "$hg_spool/$hg_id" || { hg_say ended; exit 0; }\nhg_n=0\nuntil hg_claim || [ "$hg_state" = barred ] || [ $hg_n -ge 100 ]; do\n  hg_n=$((hg_n + 1))\n  hg_nap 0.02\ndone\nwhile [ "$hg_state" = claimed ] && [ -e copiers ] && [ ! -e main ] && ! hg_exit && hg_shim_alive; do hg_nap 0.02; done\nif [ "$hg_state" = claimed ] && hg_exit && hg_copiers; then\n  hg_each "$5"\n  if [ "$hg_reached" = ' ' ]; then hg_say ended; else hg_say 'done'; fi\n  exit 0\nfi\nif [ "$hg_state" != claimed ] || hg_exit || ! hg_shim_alive; then\n  hg_say ended\n  exit 0\nfi\nhg_leader "$6" && kill "-$5" "-$hg_main" || hg_each "$5"\nhg_say 'done'\nexit 0\n`;
