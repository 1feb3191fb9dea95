#!/bin/sh
# How a shim ends, once its command has ended with HEADGATE_SHIM_CODE: the exit code first, then the end of the output (SPEC {#shim_exit}).
# shellcheck disable=SC2153 # what includes it sets them

# The exit code of copier $1, once it has ended.
headgate_copied() {
  while :; do
    wait "$1"
    HEADGATE_SHIM_COPIED=$?
    # Above 128 it may have been a signal to this shell that ended the wait.
    [ "$HEADGATE_SHIM_COPIED" -gt 128 ] && kill -0 "$1" 2> /dev/null || return 0
  done
}

# A single builtin write: a reader ignores the file until its newline is there.
headgate_publish "$HEADGATE_SHIM_FOLDER/exit" "$HEADGATE_SHIM_CODE"
exec 5<&-
if [ "$HEADGATE_SHIM_COPY" = 1 ]; then
  headgate_copied "$HEADGATE_SHIM_FIRST_COPIER"
  HEADGATE_SHIM_CODE=$HEADGATE_SHIM_COPIED
  headgate_copied "$HEADGATE_SHIM_SECOND_COPIER"
  headgate_publish "$HEADGATE_SHIM_FOLDER/eof" "$HEADGATE_SHIM_CODE $HEADGATE_SHIM_COPIED"
fi
exit 0
