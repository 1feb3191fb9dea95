// Made from src/backends/shim/find-terminal.sh by npm run docs.
/** Finds the terminal of a producer folder. */
export const FIND_TERMINAL_SH = `# Finds the terminal of a producer folder.\nheadgate_find() {\n  [ -r "$1/tty" ] && read -r HEADGATE_TTY HEADGATE_TTY_LEADER < "$1/tty" || return 1\n  read -r HEADGATE_TTY_STAT 2> /dev/null < "/proc/$HEADGATE_TTY_LEADER/stat" || return 2\n  HEADGATE_TTY_N=\${HEADGATE_TTY##*/}\n  set -- \${HEADGATE_TTY_STAT##*) }\n  HEADGATE_TTY_GROUP=$6\n  [ "$5" = $((136 * 256 + HEADGATE_TTY_N % 256 + HEADGATE_TTY_N / 256 * 1048576)) ] || return 2\n}\n`;
