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

# Copies standard input to standard output.
headgate_copy() {
  unset HEADGATE_PRODUCER HEADGATE_SPOOL
  PATH=/usr/bin:/bin:$PATH
  cd /
  exec cat
}

# The exit code of copier $1, once it has ended.
headgate_copied() {
  while :; do
    wait "$1"
    HEADGATE_SHIM_COPIED=$?
    # Above 128 it may have been a signal to this shell that ended the wait.
    [ "$HEADGATE_SHIM_COPIED" -gt 128 ] && kill -0 "$1" 2> /dev/null || return 0
  done
}

# Runs the program in place of this subshell, as the leader of a session of its own; in a terminal it has that of its own already.
headgate_run() {
  if ! command -v "$1" > /dev/null 2>&1; then
    echo "headgate: $1: not found" >&2
    exit 127
  fi
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
  # A pipe that takes no process to make: a here-document is one. Older versions of bash have a file there; then it is a FIFO.
  exec 6<<HEADGATE_PIPE 7<<HEADGATE_PIPE
HEADGATE_PIPE
HEADGATE_PIPE
  if [ -p /proc/self/fd/6 ] && [ -p /proc/self/fd/7 ]; then
    exec 8>| /proc/self/fd/6 9>| /proc/self/fd/7
  elif (PATH=$PATH:/usr/bin:/bin; exec mkfifo -m 600 "$HEADGATE_SHIM_FOLDER/pipe.1" "$HEADGATE_SHIM_FOLDER/pipe.2") 5<&-; then
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
  headgate_publish "$HEADGATE_SHIM_FOLDER/copiers" "$HEADGATE_SHIM_FIRST_COPIER $HEADGATE_SHIM_SINCE $HEADGATE_SHIM_SECOND_COPIER $HEADGATE_SHIM_TICKS $HEADGATE_SHIM_BOOT"
else
  exec 8>> "$HEADGATE_SHIM_FOLDER/out.1" 9>> "$HEADGATE_SHIM_FOLDER/out.2"
fi

HEADGATE_SHIM_HOLDER=
exec 4< /dev/null
if [ "$HEADGATE_SHIM_STDIN" = 1 ]; then
  if (PATH=$PATH:/usr/bin:/bin; exec mkfifo -m 600 "$HEADGATE_SHIM_FOLDER/in") 5<&- 8>&- 9>&-; then
    # Fd 3 holds the write end, so the command sees no end of input when the server goes; fd 4 is the command's end,
    # open before anyone may take the write end away.
    # shellcheck disable=SC2094 # a FIFO
    exec 3<> "$HEADGATE_SHIM_FOLDER/in" 4< "$HEADGATE_SHIM_FOLDER/in"
    (trap '' HUP INT QUIT TERM TSTP; PATH=$PATH:/usr/bin:/bin; exec sleep 2147483647) 4<&- 5<&- 8>&- 9>&- &
    HEADGATE_SHIM_HOLDER=$!
    exec 3>&-
    headgate_ticks "$HEADGATE_SHIM_HOLDER"
    HEADGATE_SHIM_SINCE=$HEADGATE_SHIM_TICKS
    headgate_publish "$HEADGATE_SHIM_FOLDER/in.pid" "$HEADGATE_SHIM_HOLDER $HEADGATE_SHIM_SINCE $HEADGATE_SHIM_BOOT"
  else
    HEADGATE_SHIM_FAILED='cannot make the FIFO for standard input'
  fi
fi
if [ -n "$HEADGATE_SHIM_FAILED" ]; then
  echo "headgate: $HEADGATE_SHIM_FAILED; the command was not run" >&9
  HEADGATE_SHIM_CODE=125
else
  # A subshell that execs: redirected in the child, so what the shell says of a killed child stays out of the output.
  (headgate_run "$@") <&4 4<&- 5<&- >&8 2>&9 8>&- 9>&-
  HEADGATE_SHIM_CODE=$?
fi
exec 4<&- 8>&- 9>&-
if [ -n "$HEADGATE_SHIM_HOLDER" ]; then
  headgate_ticks "$HEADGATE_SHIM_HOLDER" && [ "$HEADGATE_SHIM_TICKS" = "$HEADGATE_SHIM_SINCE" ] && kill -9 "$HEADGATE_SHIM_HOLDER"
  # In a container no other process may ever reap it.
  wait "$HEADGATE_SHIM_HOLDER"
fi

if [ -n "$HEADGATE_SHIM_FAR" ]; then
  # How long it ran: over there the times of files are known in whole seconds only.
  headgate_uptime
  [ -n "$HEADGATE_SHIM_NOW" ] && headgate_publish "$HEADGATE_SHIM_FOLDER/took" "$((HEADGATE_SHIM_NOW - HEADGATE_SHIM_FIRST))"
fi
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
