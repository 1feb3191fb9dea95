#!/bin/sh
# Looks at a producer's files, and holds it back or lets it go on: NONCE ROOT RUNNER ID ACTION.
#
# ACTION is `STOP`, `CONT` or `none`. Records `size BYTES1 BYTES2` and, when there is an exit code, `exit` as in follow.sh.

. ./library.sh
exec 2> /dev/null
hg_find_spool "$2" "$3"
cd "$hg_spool/$4" || { hg_say size 0 0; exit 0; }
hg_id=$4
hg_brake() {
  hg_claim && hg_shim_alive || return
  if hg_copiers; then
    # After the end no process would let them go on.
    if [ "$1" = CONT ] || ! hg_exit; then hg_send_copiers "$1"; fi
    return
  fi
  [ -e pipe ] || { kill "-$1" "-$hg_pid"; return; }
  # In a pane of tmux, which continues its process at once when that is stopped; so a file says it.
  [ "$1" = CONT ] || true > stopped
  hg_each "$1"
  [ "$1" = STOP ] || rm -f stopped
}
[ "$5" = none ] || hg_brake "$5"
# shellcheck disable=SC2046 # a number and a name for each
set -- $(wc -c out.1 out.2)
hg_say size "${1:-0}" "${3:-0}"
if hg_exit; then
  hg_took=
  [ -e took ] && read -r hg_took < took
  hg_say exit "$hg_code" "${hg_took:--}"
fi
exit 0
