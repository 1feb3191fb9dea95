// Made from src/backends/remote/look.sh by npm run docs.
import { LIBRARY_SH } from './library-sh.ts';

/** Looks at a producer's files, and holds it back or lets it go on: NONCE ROOT RUNNER ID ACTION. */
export const LOOK_SH = `# Looks at a producer's files, and holds it back or lets it go on: NONCE ROOT RUNNER ID ACTION.\n${LIBRARY_SH}exec 2> /dev/null\nhg_find_spool "$2" "$3"\ncd "$hg_spool/$4" || { hg_say size 0 0; exit 0; }\nhg_id=$4\nhg_brake() {\n  hg_claim && hg_shim_alive || return\n  if hg_copiers; then\n    if [ "$1" = CONT ] || ! hg_exit; then hg_send_copiers "$1"; fi\n    return\n  fi\n  [ -e pipe ] || { kill "-$1" "-$hg_pid"; return; }\n  [ "$1" = CONT ] || true > stopped\n  hg_each "$1"\n  [ "$1" = STOP ] || rm -f stopped\n}\n[ "$5" = none ] || hg_brake "$5"\nset -- $(wc -c out.1 out.2)\nhg_say size "\${1:-0}" "\${3:-0}"\nif hg_exit; then\n  hg_took=\n  [ -e took ] && read -r hg_took < took\n  hg_say exit "$hg_code" "\${hg_took:--}"\nfi\nexit 0\n`;
