#!/bin/sh
# How the programs for a pane on a shell host begin: NONCE ROOT RUNNER ID.
# shellcheck disable=SC2034 # what includes it uses them

. ../remote/library.sh
exec 2> /dev/null
unset TMUX TMUX_PANE
hg_id=$4
hg_find_spool "$2" "$3"
hg_gone() { hg_say gone; exit 0; }
cd "$hg_spool/$hg_id" || hg_gone
# Waits until the shim and its pane are known; fails when they are not there, or not any more.
hg_find_pane() {
  hg_n=0
  until hg_claim && [ -e pane ]; do
    if [ "$hg_state" = barred ] || [ $hg_n -ge 200 ]; then return 1; fi
    hg_n=$((hg_n + 1))
    hg_nap 0.02
  done
  hg_exit && return 1
  read -r hg_pane hg_socket < pane && hg_shim_alive
}
