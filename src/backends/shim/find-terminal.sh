#!/bin/sh
# Finds the terminal of a producer folder.
#
# headgate_find FOLDER: the terminal's name in HEADGATE_TTY and the process group in its foreground in HEADGATE_TTY_GROUP.
# Fails while there is none yet (1) and when it is the producer's no longer (2): numbers of terminals are used again, so the
# one that leads its session must still be in it (proc(5), fields 7 and 8 of stat).
# shellcheck disable=SC2034,SC2017 # what includes it uses them; the number of a device has its bits in two places

headgate_find() {
  [ -r "$1/tty" ] && read -r HEADGATE_TTY HEADGATE_TTY_LEADER < "$1/tty" || return 1
  read -r HEADGATE_TTY_STAT 2> /dev/null < "/proc/$HEADGATE_TTY_LEADER/stat" || return 2
  HEADGATE_TTY_N=${HEADGATE_TTY##*/}
  # shellcheck disable=SC2086 # fields of /proc/PID/stat
  set -- ${HEADGATE_TTY_STAT##*) }
  HEADGATE_TTY_GROUP=$6
  [ "$5" = $((136 * 256 + HEADGATE_TTY_N % 256 + HEADGATE_TTY_N / 256 * 1048576)) ] || return 2
}
