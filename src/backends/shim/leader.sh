#!/bin/sh
# Leads the session of the new terminal and waits for the command, in the foreground like it.
#
# The order matters: the terminal's name is written before the size is read, and resize.sh writes the size before it looks
# for the name, so one of the two always sees the other.
#
# The leader stays, and traps what is sent to the group, because `script` takes part when its own child is stopped: it
# stops itself, and misses the end of a child that is continued and ends at once. It says nothing of a killed command.

. ./trapped-signals.sh
. ./window-size.sh
set -C
headgate_in_path() { (PATH=$PATH:/usr/bin:/bin; exec "$@"); }
# shellcheck disable=SC2086 # a list of words
trap : $HEADGATE_SHIM_TRAPPED
echo "$(headgate_in_path tty) $$" >| "$HEADGATE_TTY_FOLDER/tty"
if [ -r "$HEADGATE_TTY_FOLDER/size" ] && read -r HEADGATE_TTY_KEPT < "$HEADGATE_TTY_FOLDER/size"; then
  HEADGATE_TTY_SIZE=$HEADGATE_TTY_KEPT
fi
# shellcheck disable=SC2086 # a list of words
set -- $HEADGATE_TTY_SIZE
[ $# -eq 2 ] || (PATH=$PATH:/usr/bin:/bin; headgate_pixels "$@")
# shellcheck disable=SC2086 # a list of words
headgate_in_path stty rows "$1" cols "$2" iutf8 $HEADGATE_TTY_MODES 2> /dev/null || headgate_in_path stty rows "$1" cols "$2"
case $HEADGATE_TTY_SHELL in =*) SHELL=${HEADGATE_TTY_SHELL#=} ;; *) unset SHELL ;; esac
set +C -- "$HEADGATE_TTY_COMMAND" "$HEADGATE_TTY_STDIN"
echo ready >> "$HEADGATE_TTY_FOLDER/tty"
unset HEADGATE_SHIM_TRAPPED HEADGATE_TTY_COMMAND HEADGATE_TTY_FOLDER HEADGATE_TTY_STDIN HEADGATE_TTY_SHELL HEADGATE_TTY_SIZE HEADGATE_TTY_KEPT HEADGATE_TTY_MODES
exec 2> /dev/null
if [ "$2" = 1 ]; then (exec /bin/sh -c "$1" 2>&1); else (exec /bin/sh -c "$1" 2>&1 < /dev/null); fi
exit $?
