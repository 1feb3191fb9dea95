import { shellQuote } from '../../core/shell-quote.ts';
import type { Terminal } from '../../model/place.ts';
import { TRAPPED_SIGNALS } from './shim-text.ts';

/** Largest number of columns and of rows (SPEC {#terminals}). */
const MAX_CELLS = 1000;

/** Signals that may go to a group in which the shim or the leader of a terminal is: it traps them, or they do nothing to it. */
export const SAFE_SIGNALS = [...TRAPPED_SIGNALS, 'SIGCONT', 'SIGWINCH', 'SIGURG', 'SIGCHLD'];

/**
 * Leads the session of the new terminal and waits for the command, in the foreground like it. The order matters: the
 * terminal's name is written before the size is read, and `RESIZE_TEXT` writes the size before it looks for the name,
 * so one of the two always sees the other.
 *
 * The leader stays, and traps what is sent to the group, because `script` takes part when its own child is stopped: it
 * stops itself, and misses the end of a child that is continued and ends at once. It says nothing of a killed command.
 */
const LEADER_TEXT = `set -C
headgate_in_path() { (PATH=$PATH:/usr/bin:/bin; exec "$@"); }
trap : ${TRAPPED_SIGNALS.map((name) => name.slice(3)).join(' ')}
echo "$(headgate_in_path tty) $$" >| "$HEADGATE_TTY_FOLDER/tty"
HEADGATE_TTY_ROWS= HEADGATE_TTY_COLS=
if [ -r "$HEADGATE_TTY_FOLDER/size" ] && read -r HEADGATE_TTY_ROWS HEADGATE_TTY_COLS < "$HEADGATE_TTY_FOLDER/size"; then
  HEADGATE_TTY_SIZE="rows $HEADGATE_TTY_ROWS cols $HEADGATE_TTY_COLS"
fi
headgate_in_path stty $HEADGATE_TTY_SIZE iutf8 2> /dev/null || headgate_in_path stty $HEADGATE_TTY_SIZE
case $HEADGATE_TTY_SHELL in =*) SHELL=\${HEADGATE_TTY_SHELL#=} ;; *) unset SHELL ;; esac
set +C -- "$HEADGATE_TTY_COMMAND" "$HEADGATE_TTY_STDIN"
echo ready >> "$HEADGATE_TTY_FOLDER/tty"
unset HEADGATE_TTY_COMMAND HEADGATE_TTY_FOLDER HEADGATE_TTY_STDIN HEADGATE_TTY_SHELL HEADGATE_TTY_SIZE HEADGATE_TTY_ROWS HEADGATE_TTY_COLS
exec 2> /dev/null
if [ "$2" = 1 ]; then (exec /bin/sh -c "$1" 2>&1); else (exec /bin/sh -c "$1" 2>&1 < /dev/null); fi
exit $?`;

/**
 * The command that the shim runs for a command in a terminal (SPEC {#terminals}): util-linux `script` relays between the
 * shim's files and a new terminal. `folder` is the absolute path of the producer folder on the host where it runs; the
 * shim must be told that there is standard input in any case, or `script` would type an end of file; whether the command
 * reads the terminal or an empty input is decided here, by `stdin`. Variables in `env` win
 * over those of the terminal. The text is at most four times as long as the command, when that is nothing but quotes.
 */
export function terminalCommand(options: {
  argv: readonly string[];
  tty: Terminal;
  folder: string;
  env: Readonly<Record<string, string>>;
  stdin: boolean;
}): string {
  const { argv, tty, folder, env, stdin } = options;
  const unwanted = ['COLUMNS', 'LINES'].filter((name) => !(name in env));
  return [
    ...('TERM' in env ? [] : [`export TERM=${shellQuote(tty.term)}`]),
    ...(unwanted.length > 0 ? [`unset ${unwanted.join(' ')}`] : []),
    `export HEADGATE_TTY_SHELL="\${SHELL+=$SHELL}" SHELL=/bin/sh`,
    `export HEADGATE_TTY_FOLDER=${shellQuote(folder)} HEADGATE_TTY_SIZE='rows ${tty.rows} cols ${tty.cols}' HEADGATE_TTY_STDIN=${stdin ? 1 : 0}`,
    `export HEADGATE_TTY_COMMAND=${shellQuote(shellLine(argv))}`,
    `exec "$(PATH=$PATH:/usr/bin:/bin; command -v script)" -q -f -e -E always -c ${shellQuote(LEADER_TEXT)} /dev/null 2>&1`,
  ].join('\n');
}

/** What `/bin/sh -c` is given to run it, in place of that shell. */
export function shellLine(argv: readonly string[]): string {
  const [program = '', option, line] = argv;
  if (argv.length === 3 && program === '/bin/sh' && option === '-c' && line !== undefined) return line;
  const name = shellQuote(program);
  const missing = shellQuote(`headgate: ${program}: not found`);
  return `command -v ${name} > /dev/null 2>&1 || { echo ${missing} >&2; exit 127; }; exec ${argv.map(shellQuote).join(' ')}`;
}

/** Prints in one line why there can be no terminal on this host, and how to get it; nothing when there can be one. */
export const TERMINAL_PROBE_TEXT = `PATH=$PATH:/usr/bin:/bin
if ! command -v script > /dev/null || ! command -v stty > /dev/null || ! command -v tty > /dev/null; then
  echo 'a terminal needs the programs script, stty and tty; install util-linux and coreutils (Debian: bsdutils and coreutils)'
elif ! script --help 2> /dev/null | grep -q -e --echo; then
  echo 'a terminal needs script of util-linux 2.35 or later, and this is another one; install util-linux (Debian: bsdutils)'
fi`;

/**
 * Finds the terminal of the producer folder $1: its name in HEADGATE_TTY and the process group in its foreground in
 * HEADGATE_TTY_GROUP. Fails while there is none yet (1) and when it is the producer's no longer (2): numbers of
 * terminals are used again, so the one that leads its session must still be in it (proc(5), fields 7 and 8 of stat).
 */
const FIND_TEXT = `headgate_find() {
  [ -r "$1/tty" ] && read -r HEADGATE_TTY HEADGATE_TTY_LEADER < "$1/tty" || return 1
  read -r HEADGATE_TTY_STAT 2> /dev/null < "/proc/$HEADGATE_TTY_LEADER/stat" || return 2
  HEADGATE_TTY_N=\${HEADGATE_TTY##*/}
  set -- \${HEADGATE_TTY_STAT##*) }
  HEADGATE_TTY_GROUP=$6
  [ "$5" = $((136 * 256 + HEADGATE_TTY_N % 256 + HEADGATE_TTY_N / 256 * 1048576)) ] || return 2
}
`;

/**
 * Sets the size of a producer's terminal: `sh -c RESIZE_TEXT sh FOLDER ROWS COLS`. Before there is a terminal the size is
 * kept for it. Exit code 2: the terminal is gone, since the command has ended.
 */
export const RESIZE_TEXT = `${FIND_TEXT}PATH=$PATH:/usr/bin:/bin
echo "$2 $3" > "$1/size" || exit 1
headgate_find "$1"
case $? in 1) exit 0 ;; 2) exit 2 ;; esac
exec stty -F "$HEADGATE_TTY" rows "$2" cols "$3"`;

/**
 * Signals what is in the foreground of a producer's terminal: `sh -c FOREGROUND_TEXT sh FOLDER SIGNAL`, the signal as `INT`.
 * Exit code 1: there is no terminal yet; 2: it is gone, or nothing is in its foreground. What the leader does not trap
 * goes to the others of its group one by one.
 */
export const FOREGROUND_TEXT = `${FIND_TEXT}headgate_find "$1" || exit $?
[ "$HEADGATE_TTY_GROUP" -gt 1 ] || exit 2
case " ${SAFE_SIGNALS.map((name) => name.slice(3)).join(' ')} " in *" $2 "*) HEADGATE_TTY_LEADER= ;; esac
if [ "$HEADGATE_TTY_GROUP" != "$HEADGATE_TTY_LEADER" ]; then
  kill "-$2" "-$HEADGATE_TTY_GROUP" 2> /dev/null || exit 2
  exit 0
fi
headgate_each() {
  for HEADGATE_TTY_PROC in /proc/[0-9]*; do
    read -r HEADGATE_TTY_STAT 2> /dev/null < "$HEADGATE_TTY_PROC/stat" || continue
    set -- "$1" \${HEADGATE_TTY_STAT##*) }
    [ "$4" != "$HEADGATE_TTY_GROUP" ] || [ "$HEADGATE_TTY_PROC" = "/proc/$HEADGATE_TTY_LEADER" ] || kill -s "$1" "\${HEADGATE_TTY_PROC#/proc/}"
  done
}
headgate_each "$2" 2> /dev/null
exit 0`;

/** True for a number of columns or rows that a terminal can have. */
export function isTerminalSize(cells: number): boolean {
  return Number.isInteger(cells) && cells >= 1 && cells <= MAX_CELLS;
}
