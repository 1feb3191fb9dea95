#!/bin/sh
# Signals what is in the foreground of a producer's terminal: FOLDER SIGNAL, the signal as INT.
#
# Exit code 1: there is no terminal yet; 2: it is gone, or nothing is in its foreground. The leader survives the signals named
# below (SAFE_SIGNALS of terminal.ts); another one goes to the others of its group one by one.

. ./find-terminal.sh
. ./trapped-signals.sh
headgate_find "$1" || exit $?
[ "$HEADGATE_TTY_GROUP" -gt 1 ] || exit 2
case " $HEADGATE_SHIM_TRAPPED CONT WINCH URG CHLD " in *" $2 "*) HEADGATE_TTY_LEADER= ;; esac
if [ "$HEADGATE_TTY_GROUP" != "$HEADGATE_TTY_LEADER" ]; then
  kill "-$2" "-$HEADGATE_TTY_GROUP" 2> /dev/null || exit 2
  exit 0
fi
headgate_each() {
  for HEADGATE_TTY_PROC in /proc/[0-9]*; do
    read -r HEADGATE_TTY_STAT 2> /dev/null < "$HEADGATE_TTY_PROC/stat" || continue
    # shellcheck disable=SC2086 # fields of /proc/PID/stat
    set -- "$1" ${HEADGATE_TTY_STAT##*) }
    [ "$4" != "$HEADGATE_TTY_GROUP" ] || [ "$HEADGATE_TTY_PROC" = "/proc/$HEADGATE_TTY_LEADER" ] || kill -s "$1" "${HEADGATE_TTY_PROC#/proc/}"
  done
}
headgate_each "$2" 2> /dev/null
exit 0
