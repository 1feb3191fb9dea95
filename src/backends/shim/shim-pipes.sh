#!/bin/sh
# The pipes for the output of a command, fds 8 and 9, and who copies them to out.1 and out.2 of the folder (SPEC {#copiers}).
# shellcheck disable=SC2034 # what includes it uses them

# Copies standard input to standard output.
headgate_copy() {
  unset HEADGATE_PRODUCER HEADGATE_SPOOL
  PATH=/usr/bin:/bin:$PATH
  cd /
  exec cat
}

# A pipe that takes no process to make: a here-document is one. Older versions of bash have a file there; then it is a FIFO.
exec 6<<HEADGATE_PIPE 7<<HEADGATE_PIPE
HEADGATE_PIPE
HEADGATE_PIPE
if [ -p /proc/self/fd/6 ] && [ -p /proc/self/fd/7 ]; then
  exec 8>| /proc/self/fd/6 9>| /proc/self/fd/7
elif (PATH=/usr/bin:/bin:$PATH; exec mkfifo -m 600 "$HEADGATE_SHIM_FOLDER/pipe.1" "$HEADGATE_SHIM_FOLDER/pipe.2") 5<&-; then
  exec 6<> "$HEADGATE_SHIM_FOLDER/pipe.1" 7<> "$HEADGATE_SHIM_FOLDER/pipe.2"
  exec 8> "$HEADGATE_SHIM_FOLDER/pipe.1" 9> "$HEADGATE_SHIM_FOLDER/pipe.2"
  exec 6< "$HEADGATE_SHIM_FOLDER/pipe.1" 7< "$HEADGATE_SHIM_FOLDER/pipe.2"
else
  HEADGATE_SHIM_FAILED='cannot make the pipes for its output'
  exec 8>> "$HEADGATE_SHIM_FOLDER/out.1" 9>> "$HEADGATE_SHIM_FOLDER/out.2"
fi
# A copier ignores from its first moment on what the shim traps.
# shellcheck disable=SC2086 # a list of words
trap '' $HEADGATE_SHIM_TRAPPED
headgate_copy <&6 >> "$HEADGATE_SHIM_FOLDER/out.1" 2> /dev/null 5<&- 6<&- 7<&- 8>&- 9>&- &
HEADGATE_SHIM_FIRST_COPIER=$!
headgate_copy <&7 >> "$HEADGATE_SHIM_FOLDER/out.2" 2> /dev/null 5<&- 6<&- 7<&- 8>&- 9>&- &
HEADGATE_SHIM_SECOND_COPIER=$!
# shellcheck disable=SC2086 # a list of words
trap : $HEADGATE_SHIM_TRAPPED
exec 6<&- 7<&-
headgate_ticks "$HEADGATE_SHIM_FIRST_COPIER"
HEADGATE_SHIM_SINCE=$HEADGATE_SHIM_TICKS
headgate_ticks "$HEADGATE_SHIM_SECOND_COPIER"
HEADGATE_SHIM_COPIERS="$HEADGATE_SHIM_FIRST_COPIER $HEADGATE_SHIM_SINCE $HEADGATE_SHIM_SECOND_COPIER $HEADGATE_SHIM_TICKS $HEADGATE_SHIM_BOOT"
