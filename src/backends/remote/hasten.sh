#!/bin/sh
# Ends the grace period of a kill that is under way: NONCE ROOT RUNNER ID.

. ./library.sh
exec 2> /dev/null
hg_find_spool "$2" "$3"
cd "$hg_spool/$4" && true > kill.now
hg_say 'done'
exit 0
