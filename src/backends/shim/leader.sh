#!/bin/sh
# Leads the session of the new terminal and waits for the command, in the foreground like it.
#
# The order matters: the terminal's name is written before the size is read, and resize.sh writes the size before it looks
# for the name, so one of the two always sees the other.
#
# The leader stays, and traps what is sent to the group, because `script` takes part when its own child is stopped: it
# stops itself, and misses the end of a child that is continued and ends at once. It says nothing of a killed command.

. ./trapped-signals.sh
set -C
headgate_in_path() { (PATH=$PATH:/usr/bin:/bin; exec "$@"); }
# shellcheck disable=SC2086 # a list of words
trap : $HEADGATE_SHIM_TRAPPED
echo "$(headgate_in_path tty) $$" >| "$HEADGATE_TTY_FOLDER/tty"
HEADGATE_TTY_ROWS= HEADGATE_TTY_COLS=
if [ -r "$HEADGATE_TTY_FOLDER/size" ] && read -r HEADGATE_TTY_ROWS HEADGATE_TTY_COLS < "$HEADGATE_TTY_FOLDER/size"; then
  HEADGATE_TTY_SIZE="rows $HEADGATE_TTY_ROWS cols $HEADGATE_TTY_COLS"
fi
# shellcheck disable=SC2086 # a list of words
headgate_in_path stty $HEADGATE_TTY_SIZE iutf8 2> /dev/null || headgate_in_path stty $HEADGATE_TTY_SIZE
case $HEADGATE_TTY_SHELL in =*) SHELL=${HEADGATE_TTY_SHELL#=} ;; *) unset SHELL ;; esac
set +C -- "$HEADGATE_TTY_COMMAND" "$HEADGATE_TTY_STDIN"
echo ready >> "$HEADGATE_TTY_FOLDER/tty"
unset HEADGATE_SHIM_TRAPPED HEADGATE_TTY_COMMAND HEADGATE_TTY_FOLDER HEADGATE_TTY_STDIN HEADGATE_TTY_SHELL HEADGATE_TTY_SIZE HEADGATE_TTY_ROWS HEADGATE_TTY_COLS
exec 2> /dev/null
if [ "$2" = 1 ]; then (exec /bin/sh -c "$1" 2>&1); else (exec /bin/sh -c "$1" 2>&1 < /dev/null); fi
exit $?
