// Made from src/backends/tmux/pane-head.sh by npm run docs.
import { LIBRARY_SH } from '../remote/library-sh.ts';

/** How the programs for a pane on a shell host begin: NONCE ROOT RUNNER ID. */
export const PANE_HEAD_SH = `# How the programs for a pane on a shell host begin: NONCE ROOT RUNNER ID.\n${LIBRARY_SH}exec 2> /dev/null\nunset TMUX TMUX_PANE\nhg_id=$4\nhg_find_spool "$2" "$3"\nhg_gone() { hg_say gone; exit 0; }\ncd "$hg_spool/$hg_id" || hg_gone\nhg_find_pane() {\n  hg_n=0\n  until hg_claim && [ -e pane ]; do\n    if [ "$hg_state" = barred ] || [ $hg_n -ge 200 ]; then return 1; fi\n    hg_n=$((hg_n + 1))\n    hg_nap 0.02\n  done\n  hg_exit && return 1\n  read -r hg_pane hg_socket < pane && hg_shim_alive\n}\n`;
