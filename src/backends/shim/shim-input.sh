#!/bin/sh
# Standard input of a command, fd 4: the FIFO `in` of the folder, and the process that holds its write end (SPEC {#stdin}).
# shellcheck disable=SC2034,SC2153 # what includes it uses and sets them

if [ -p "$HEADGATE_SHIM_FOLDER/in" ] || (PATH=/usr/bin:/bin:$PATH; exec mkfifo -m 600 "$HEADGATE_SHIM_FOLDER/in") 5<&- 8>&- 9>&-; then
  # Fd 3 holds the write end, so the command sees no end of input when the server goes; fd 4 is the command's end,
  # open before anyone may take the write end away.
  # shellcheck disable=SC2094 # a FIFO
  exec 3<> "$HEADGATE_SHIM_FOLDER/in" 4< "$HEADGATE_SHIM_FOLDER/in"
  (trap '' HUP INT QUIT TERM TSTP; PATH=/usr/bin:/bin:$PATH; exec sleep 2147483647) 4<&- 5<&- 8>&- 9>&- &
  HEADGATE_SHIM_HOLDER=$!
  exec 3>&-
  headgate_ticks "$HEADGATE_SHIM_HOLDER"
  HEADGATE_SHIM_SINCE=$HEADGATE_SHIM_TICKS
  HEADGATE_SHIM_INPUT="$HEADGATE_SHIM_HOLDER $HEADGATE_SHIM_SINCE $HEADGATE_SHIM_BOOT"
else
  HEADGATE_SHIM_FAILED='cannot make the FIFO for standard input'
fi
