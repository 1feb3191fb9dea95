import { createHash } from 'node:crypto';

/**
 * Signals that the shim traps, so that one sent to the whole group ends the command and not the shim. They are trapped
 * and not ignored because a command inherits ignored signals. A signal outside this list is sent to each process of
 * the command instead of to the group.
 */
export const TRAPPED_SIGNALS = [
  'SIGHUP',
  'SIGINT',
  'SIGQUIT',
  'SIGABRT',
  'SIGALRM',
  'SIGPIPE',
  'SIGTERM',
  'SIGUSR1',
  'SIGUSR2',
  'SIGTSTP',
  'SIGTTIN',
  'SIGTTOU',
] as const;

/**
 * How every shim begins: traps, functions and the claim of the folder `$1`; the second shim on one folder leaves there
 * (SPEC {#shim_claim}).
 */
export const SHIM_HEAD = `trap : ${TRAPPED_SIGNALS.map((name) => name.slice(3)).join(' ')}
set -C
# What the server was itself started with is nothing to the command.
exec 3<&- 4<&- 5<&- 6<&- 7<&- 8<&- 9<&-

# Start time of process $1 in clock ticks since boot, field 22 of its stat line (the name in field 2 may hold blanks).
headgate_ticks() {
  HEADGATE_SHIM_TICKS=
  read -r HEADGATE_SHIM_STAT < "/proc/$1/stat" || return 1
  set -- \${HEADGATE_SHIM_STAT##*) }
  HEADGATE_SHIM_TICKS=\${20}
}

# Writes $2 and a newline to $1 however long the disk is full; gives up when the folder is gone.
headgate_publish() {
  until echo "$2" >| "$1"; do
    [ -d "\${1%/*}" ] || return 1
    (PATH=$PATH:/usr/bin:/bin; exec sleep 1) 5<&-
  done
}

# Hundredths of a second since boot.
headgate_uptime() {
  HEADGATE_SHIM_NOW=
  read -r HEADGATE_SHIM_NOW HEADGATE_SHIM_STAT < /proc/uptime && HEADGATE_SHIM_NOW=\${HEADGATE_SHIM_NOW%.*}\${HEADGATE_SHIM_NOW#*.}
}

# Whoever follows from another host has made this FIFO: its reader sees an end of file when this process ends, and then
# only, since nothing that is started below has it open. Before the claim, after which it is read.
HEADGATE_SHIM_FAR=
if [ -p "$1/alive" ]; then
  HEADGATE_SHIM_FAR=1
  exec 5<> "$1/alive"
  headgate_uptime
  HEADGATE_SHIM_FIRST=$HEADGATE_SHIM_NOW
fi

# The claim. O_EXCL: of two shims on one folder the second leaves here, before it has run anything.
headgate_ticks $$
HEADGATE_SHIM_BOOT=-
read -r HEADGATE_SHIM_BOOT < /proc/sys/kernel/random/boot_id
command : > "$1/pid" || exit 0
headgate_publish "$1/pid" "$$ $HEADGATE_SHIM_TICKS $HEADGATE_SHIM_BOOT" || exit 0
`;

/**
 * The shim, POSIX sh: `sh SHIM FOLDER COMMAND STDIN`, in a session of its own, STDIN `1` or `0`.
 * It claims FOLDER/pid, runs COMMAND with its output appended to FOLDER/out.1 and FOLDER/out.2, and publishes the exit
 * code in FOLDER/exit (SPEC {#shim_claim}, {#shim_exit}). Only builtins in the normal path: it starts no process beside the command.
 *
 * Its variables have long names because one that the command's environment also sets would reach the command changed.
 */
export const SHIM_TEXT = `# Headgate's shim: sh SHIM FOLDER COMMAND STDIN(0|1). Runs COMMAND once; outlives whoever started it.
${SHIM_HEAD}
if [ "$3" = 1 ]; then
  if (PATH=$PATH:/usr/bin:/bin; exec mkfifo -m 600 "$1/in") 5<&-; then
    # Fd 3 holds the write end, so the command sees no end of input when the server goes; fd 4 is the command's end,
    # open before anyone may take the write end away.
    exec 3<> "$1/in" 4< "$1/in"
    (trap '' HUP INT QUIT TERM TSTP; PATH=$PATH:/usr/bin:/bin; exec sleep 2147483647) 4<&- 5<&- &
    HEADGATE_SHIM_HOLDER=$!
    exec 3>&-
    headgate_ticks "$HEADGATE_SHIM_HOLDER"
    HEADGATE_SHIM_SINCE=$HEADGATE_SHIM_TICKS
    headgate_publish "$1/in.pid" "$HEADGATE_SHIM_HOLDER $HEADGATE_SHIM_SINCE $HEADGATE_SHIM_BOOT"
    (exec /bin/sh -c "$2") <&4 4<&- 5<&- >> "$1/out.1" 2>> "$1/out.2"
    HEADGATE_SHIM_CODE=$?
    headgate_ticks "$HEADGATE_SHIM_HOLDER" && [ "$HEADGATE_SHIM_TICKS" = "$HEADGATE_SHIM_SINCE" ] && kill -9 "$HEADGATE_SHIM_HOLDER"
  else
    echo 'headgate: cannot make the FIFO for standard input; the command was not run' >> "$1/out.2"
    HEADGATE_SHIM_CODE=125
  fi
else
  # A subshell that execs: redirected in the child, so what the shell says of a killed child stays out of the output.
  (exec /bin/sh -c "$2") < /dev/null 5<&- >> "$1/out.1" 2>> "$1/out.2"
  HEADGATE_SHIM_CODE=$?
fi

if [ -n "$HEADGATE_SHIM_FAR" ]; then
  # How long it ran: over there the times of files are known in whole seconds only.
  headgate_uptime
  [ -n "$HEADGATE_SHIM_NOW" ] && headgate_publish "$1/took" "$((HEADGATE_SHIM_NOW - HEADGATE_SHIM_FIRST))"
fi
# A single builtin write: a reader ignores the file until its newline is there.
headgate_publish "$1/exit" "$HEADGATE_SHIM_CODE"
exit 0
`;

/** File name of the shim in a backend's folder; another text has another name, so running shims keep theirs. */
export const SHIM_FILE = `shim-${createHash('sha256').update(SHIM_TEXT).digest('hex').slice(0, 12)}.sh`;
