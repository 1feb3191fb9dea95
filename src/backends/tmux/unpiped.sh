#!/bin/sh
# Says whether another program took the pipe of a pane away while the command ran: NONCE ROOT RUNNER ID.
#
# Record `cut` or `whole`.

. ./pane-head.sh
if [ -e unpiped ]; then hg_say cut; else hg_say whole; fi
exit 0
