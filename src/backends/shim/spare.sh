#!/bin/sh
# Headgate's spare: sh SPARE FOLDER SETSID. A shim that begins before there is a command, and runs the one that comes (SPEC {#launcher}).
#
# Pipes, copiers, input and the process that becomes the command are there; that one waits for a line in FOLDER/go. By then the folder has the
# producer's name, so that its files are found by the working folder. When the launcher ends, which has the other end of `go` open, so does
# what waits. The claim is made once there is a command: a spare that was not used leaves without a trace in the folder.
# shellcheck disable=SC2034 # shim-end.sh uses some

. ./shim-begin.sh
cd "$1" || exit 0
[ -p go ] && [ -p in ] || exit 0
HEADGATE_SHIM_FOLDER=. HEADGATE_SHIM_COPY=1 HEADGATE_SHIM_FAILED='' HEADGATE_SHIM_HOLDER=''
# For reading alone, and without waiting for one who writes.
# shellcheck disable=SC2094 # a FIFO
exec 3<> go 5< go
exec 3>&-
headgate_identify
. ./shim-pipes.sh
. ./shim-input.sh
HEADGATE_SHIM_CODE=0
if [ -z "$HEADGATE_SHIM_FAILED" ]; then
  (exec "$2" -- /bin/sh -c "$(cat ./spare-leader.sh)" sh "$HEADGATE_SHIM_SELF" "$HEADGATE_SHIM_COPIERS" "$HEADGATE_SHIM_INPUT") <&4 3<&5 4>&9 5>&8 > /dev/null 2>&1 8>&- 9>&-
  HEADGATE_SHIM_CODE=$?
fi
. ./shim-holder-end.sh
# Where the folder is now.
cd -P . && HEADGATE_SHIM_FOLDER=$PWD || exit 0
HEADGATE_SHIM_CLAIM=
read -r HEADGATE_SHIM_CLAIM < "$HEADGATE_SHIM_FOLDER/pid"
[ "$HEADGATE_SHIM_CLAIM" = "$HEADGATE_SHIM_SELF" ] || exit 0
. ./shim-end.sh
