// Made from src/backends/shim/foreground.sh by npm run docs.
import { FIND_TERMINAL_SH } from './find-terminal-sh.ts';
import { TRAPPED_SIGNALS_SH } from './trapped-signals-sh.ts';

/** Signals what is in the foreground of a producer's terminal: FOLDER SIGNAL, the signal as INT. */
export const FOREGROUND_SH = `# Signals what is in the foreground of a producer's terminal: FOLDER SIGNAL, the signal as INT.\n${FIND_TERMINAL_SH}${TRAPPED_SIGNALS_SH}headgate_find "$1" || exit $?\n[ "$HEADGATE_TTY_GROUP" -gt 1 ] || exit 2\ncase " $HEADGATE_SHIM_TRAPPED CONT WINCH URG CHLD " in *" $2 "*) HEADGATE_TTY_LEADER= ;; esac\nif [ "$HEADGATE_TTY_GROUP" != "$HEADGATE_TTY_LEADER" ]; then\n  kill "-$2" "-$HEADGATE_TTY_GROUP" 2> /dev/null || exit 2\n  exit 0\nfi\nheadgate_each() {\n  for HEADGATE_TTY_PROC in /proc/[0-9]*; do\n    read -r HEADGATE_TTY_STAT 2> /dev/null < "$HEADGATE_TTY_PROC/stat" || continue\n    set -- "$1" \${HEADGATE_TTY_STAT##*) }\n    [ "$4" != "$HEADGATE_TTY_GROUP" ] || [ "$HEADGATE_TTY_PROC" = "/proc/$HEADGATE_TTY_LEADER" ] || kill -s "$1" "\${HEADGATE_TTY_PROC#/proc/}"\n  done\n}\nheadgate_each "$2" 2> /dev/null\nexit 0\n`;
