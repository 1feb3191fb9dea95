#!/bin/sh
# Signals what is in the foreground of a pane: NONCE ROOT RUNNER ID SIGNAL.
#
# Record `done`, or `gone` where the foreground is the shim's own group, or gone.

. ./pane-head.sh
hg_find_pane || hg_gone
read -r hg_line < "/proc/$hg_pid/stat" || hg_gone
hg_signal=$5
# shellcheck disable=SC2086 # fields of /proc/PID/stat
set -- ${hg_line##*) }
[ "$6" -gt 1 ] && [ "$6" != "$hg_pid" ] && kill "-$hg_signal" "-$6" || hg_gone
hg_say 'done'
exit 0
