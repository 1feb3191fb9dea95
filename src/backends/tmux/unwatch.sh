#!/bin/sh
# Takes the pipe of a watch away: NONCE ROOT RUNNER ID.
#
# Record `done PID`, or `gone`.

. ./pane-head.sh
trap '' PIPE HUP
hg_claim && [ -e pane ] && hg_shim_alive || hg_gone
read -r hg_pane hg_socket < pane
tmux -S "$hg_socket" pipe-pane -t "$hg_pane"
hg_say 'done' "$hg_pid"
exit 0
