#!/bin/sh
# Removes a producer's folder, and those around it when nothing else is in them: NONCE ROOT RUNNER ID [idle].
#
# Record `done`; with `idle`, which spares a folder whose shim still runs, also `busy`.

. ./library.sh
exec 2> /dev/null
hg_find_spool "$2" "$3"
if [ "$5" = idle ] && cd "$hg_spool/$4" && hg_claim && hg_shim_alive; then hg_say busy; exit 0; fi
hg_remove "$4" || hg_fail not_removed "$hg_spool/$4"
hg_say 'done'
exit 0
