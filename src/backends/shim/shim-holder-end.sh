#!/bin/sh
# Ends the process that holds the input of a command open, once the command has ended.

exec 4<&- 8>&- 9>&-
if [ -n "$HEADGATE_SHIM_HOLDER" ]; then
  headgate_ticks "$HEADGATE_SHIM_HOLDER" && [ "$HEADGATE_SHIM_TICKS" = "$HEADGATE_SHIM_SINCE" ] && kill -9 "$HEADGATE_SHIM_HOLDER"
  # In a container no other process may ever reap it.
  wait "$HEADGATE_SHIM_HOLDER"
fi
