#!/bin/sh
# Headgate's watch of a tmux pane: sh WATCH FOLDER TMUX SOCKET BUFFER CURSOR HEIGHT.
#
# CURSOR is the row of the cursor and HEIGHT the number of rows at the moment when the pipe was made. It is the shim of the
# producer: claims the folder, writes the history that was put into BUFFER at that moment, then whatever comes, and publishes
# the end of it: the pane is gone, or the pipe.

. ../shim/shim-head.sh
PATH=$PATH:/usr/bin:/bin
{
  # Rows end as a terminal ends them. The one of the cursor does not end, and empty ones below it are not there yet.
  HEADGATE_SHIM_ROWS=$("$2" -S "$3" show-buffer -b "$4" < /dev/null; echo .)
  HEADGATE_SHIM_ROWS=${HEADGATE_SHIM_ROWS%.}
  HEADGATE_SHIM_TEXT=$(printf %s "$HEADGATE_SHIM_ROWS")
  HEADGATE_SHIM_EMPTY=$((${#HEADGATE_SHIM_ROWS} - ${#HEADGATE_SHIM_TEXT} - ($6 - $5)))
  while [ "$HEADGATE_SHIM_EMPTY" -gt 0 ]; do
    HEADGATE_SHIM_TEXT="$HEADGATE_SHIM_TEXT
"
    HEADGATE_SHIM_EMPTY=$((HEADGATE_SHIM_EMPTY - 1))
  done
  printf '%s.' "$HEADGATE_SHIM_TEXT" | sed "\$!s/\$/$(printf '\r')/; \$s/\.\$//"
  HEADGATE_SHIM_ROWS= HEADGATE_SHIM_TEXT=
  # The beginning of an escape sequence that tmux had not seen the end of.
  "$2" -S "$3" show-buffer -b "$4-rest" < /dev/null
} >> "$1/out.1" 2> /dev/null 5<&-
"$2" -S "$3" delete-buffer -b "$4" < /dev/null 5<&-
"$2" -S "$3" delete-buffer -b "$4-rest" < /dev/null 5<&-
(exec cat) >> "$1/out.1" 5<&-
headgate_publish "$1/exit" 0
exit 0
