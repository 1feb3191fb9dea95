#!/bin/sh
# Signals a producer: NONCE ROOT RUNNER ID SIGNAL GROUP.
#
# To its group when GROUP is 1, which the shim must live through, else to each of its processes. Record `done`, or `ended`
# when it reaches no process.

. ./library.sh
exec 2> /dev/null
hg_id=$4
hg_find_spool "$2" "$3"
cd "$hg_spool/$hg_id" || { hg_say ended; exit 0; }
hg_n=0
until hg_claim || [ "$hg_state" = barred ] || [ $hg_n -ge 100 ]; do
  hg_n=$((hg_n + 1))
  hg_nap 0.02
done
# The shim is between its copiers and the command.
while [ "$hg_state" = claimed ] && [ -e copiers ] && [ ! -e main ] && ! hg_exit && hg_shim_alive; do hg_nap 0.02; done
if [ "$hg_state" = claimed ] && hg_exit && hg_copiers; then
  # What the command has left behind.
  hg_each "$5"
  if [ "$hg_reached" = ' ' ]; then hg_say ended; else hg_say 'done'; fi
  exit 0
fi
if [ "$hg_state" != claimed ] || hg_exit || ! hg_shim_alive; then
  hg_say ended
  exit 0
fi
# It may not lead its group yet.
hg_leader "$6" && kill "-$5" "-$hg_main" || hg_each "$5"
hg_say 'done'
exit 0
