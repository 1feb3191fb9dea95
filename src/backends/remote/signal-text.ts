import { LIBRARY_TEXT } from './library-text.ts';

/**
 * Signals a producer: `sh -c SIGNAL_TEXT sh NONCE ROOT RUNNER ID SIGNAL GROUP`, to its group when GROUP is 1, which the shim
 * must live through, else to each of its processes. Record `done`, or `ended` when it reaches nobody.
 */
export const SIGNAL_TEXT = `${LIBRARY_TEXT}
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
  if [ "$hg_reached" = ' ' ]; then hg_say ended; else hg_say done; fi
  exit 0
fi
if [ "$hg_state" != claimed ] || hg_exit || ! hg_shim_alive; then
  hg_say ended
  exit 0
fi
# It may not lead its group yet.
hg_leader "$6" && kill "-$5" "-$hg_main" || hg_each "$5"
hg_say done
exit 0
`;

/**
 * Looks at a producer's files, and holds it back or lets it go on: `sh -c LOOK_TEXT sh NONCE ROOT RUNNER ID ACTION`, ACTION
 * `STOP`, `CONT` or `none`. Records `size BYTES1 BYTES2` and, when
 * there is an exit code, `exit` as in follow-text.ts.
 */
export const LOOK_TEXT = `${LIBRARY_TEXT}
exec 2> /dev/null
hg_find_spool "$2" "$3"
cd "$hg_spool/$4" || { hg_say size 0 0; exit 0; }
hg_id=$4
hg_brake() {
  hg_claim && hg_shim_alive || return
  if hg_copiers; then
    # After the end nobody would let them go on.
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
set -- $(wc -c out.1 out.2)
hg_say size "\${1:-0}" "\${3:-0}"
if hg_exit; then
  hg_took=
  [ -e took ] && read -r hg_took < took
  hg_say exit "$hg_code" "\${hg_took:--}"
fi
exit 0
`;

/**
 * Removes a producer's folder, and those around it when nothing else is in them: `sh -c REMOVE_TEXT sh NONCE ROOT RUNNER ID [idle]`.
 * Record `done`; with `idle`, which spares a folder whose shim still runs, also `busy`.
 */
export const REMOVE_TEXT = `${LIBRARY_TEXT}
exec 2> /dev/null
hg_find_spool "$2" "$3"
if [ "$5" = idle ] && cd "$hg_spool/$4" && hg_claim && hg_shim_alive; then hg_say busy; exit 0; fi
hg_remove "$4" || hg_fail not_removed "$hg_spool/$4"
hg_say done
exit 0
`;

/** Ends the grace period of a kill that is under way: `sh -c HASTEN_TEXT sh NONCE ROOT RUNNER ID`. */
export const HASTEN_TEXT = `${LIBRARY_TEXT}
exec 2> /dev/null
hg_find_spool "$2" "$3"
cd "$hg_spool/$4" && true > kill.now
hg_say done
exit 0
`;
