#!/bin/sh
# Headgate's shim: sh SHIM FOLDER STDIN(0|1) COPY(0|1) PROGRAM ARGUMENT... Runs it once; outlives its starter.
#
# It runs in a session of its own, claims FOLDER/pid, runs PROGRAM, and publishes its exit code in FOLDER/exit as soon as it
# has ended (SPEC {#shim_claim}, {#shim_exit}). With COPY standard output and standard error are pipes, and a `cat` for each
# appends to FOLDER/out.1 and FOLDER/out.2 until no process holds the pipe any more; then FOLDER/eof has their exit codes
# (SPEC {#copiers}). Without COPY, for what relays a terminal, the program appends to the files itself.
#
# With COPY the program leads a session of its own and FOLDER/main says who that is, so that nothing that is sent to the
# command's group reaches the shim or the copiers.
# Its variables have long names because one that the command's environment also sets would reach the command changed.

. ./shim-head.sh
HEADGATE_SHIM_FOLDER=$1 HEADGATE_SHIM_STDIN=$2 HEADGATE_SHIM_COPY=$3
shift 3

# Runs the program in place of this subshell, as the leader of a session of its own; in a terminal it has that of its own already.
headgate_run() {
  headgate_find_program "$1" || exit 127
  [ "$HEADGATE_SHIM_COPY" = 1 ] || exec "$@"
  for HEADGATE_SHIM_SETSID in /usr/bin/setsid /bin/setsid setsid; do
    if [ "$HEADGATE_SHIM_SETSID" = setsid ]; then command -v setsid > /dev/null || break; else [ -x "$HEADGATE_SHIM_SETSID" ] || continue; fi
    # $$ is the shim's, here too.
    read -r HEADGATE_SHIM_MAIN HEADGATE_SHIM_STAT < /proc/self/stat
    headgate_ticks "$HEADGATE_SHIM_MAIN"
    headgate_publish "$HEADGATE_SHIM_FOLDER/main" "$HEADGATE_SHIM_MAIN $HEADGATE_SHIM_TICKS $HEADGATE_SHIM_BOOT" 2> /dev/null
    # shellcheck disable=SC2093 # the first that is there
    exec "$HEADGATE_SHIM_SETSID" -- "$@"
  done
  echo "headgate: setsid: not found; install util-linux; the command was not run" >&2
  exit 125
}

HEADGATE_SHIM_FAILED=
if [ "$HEADGATE_SHIM_COPY" = 1 ]; then
  . ./shim-pipes.sh
  headgate_publish "$HEADGATE_SHIM_FOLDER/copiers" "$HEADGATE_SHIM_COPIERS"
else
  exec 8>> "$HEADGATE_SHIM_FOLDER/out.1" 9>> "$HEADGATE_SHIM_FOLDER/out.2"
fi

HEADGATE_SHIM_HOLDER=
exec 4< /dev/null
if [ "$HEADGATE_SHIM_STDIN" = 1 ]; then
  . ./shim-input.sh
  [ -n "$HEADGATE_SHIM_FAILED" ] || headgate_publish "$HEADGATE_SHIM_FOLDER/in.pid" "$HEADGATE_SHIM_INPUT"
fi
if [ -n "$HEADGATE_SHIM_FAILED" ]; then
  echo "headgate: $HEADGATE_SHIM_FAILED; the command was not run" >&9
  HEADGATE_SHIM_CODE=125
else
  # A subshell that execs: redirected in the child, so what the shell says of a killed child stays out of the output.
  (headgate_run "$@") <&4 4<&- 5<&- >&8 2>&9 8>&- 9>&-
  HEADGATE_SHIM_CODE=$?
fi
. ./shim-holder-end.sh
if [ -n "$HEADGATE_SHIM_FAR" ]; then
  # How long it ran: over there the times of files are known in whole seconds only.
  headgate_uptime
  [ -n "$HEADGATE_SHIM_NOW" ] && headgate_publish "$HEADGATE_SHIM_FOLDER/took" "$((HEADGATE_SHIM_NOW - HEADGATE_SHIM_FIRST))"
fi
. ./shim-end.sh
