// Made from src/backends/shim/resize.sh by npm run docs.
import { FIND_TERMINAL_SH } from './find-terminal-sh.ts';

/** Sets the size of a producer's terminal: FOLDER ROWS COLS. */
export const RESIZE_SH = `# Sets the size of a producer's terminal: FOLDER ROWS COLS.\n${FIND_TERMINAL_SH}PATH=$PATH:/usr/bin:/bin\necho "$2 $3" > "$1/size" || exit 1\nheadgate_find "$1"\ncase $? in 1) exit 0 ;; 2) exit 2 ;; esac\nexec stty -F "$HEADGATE_TTY" rows "$2" cols "$3"\n`;
