// Made from src/backends/shim/resize.sh by npm run docs.
import { FIND_TERMINAL_SH } from './find-terminal-sh.ts';
import { WINDOW_SIZE_SH } from './window-size-sh.ts';

/** Sets the size of a producer's terminal: FOLDER ROWS COLS [WIDTH HEIGHT], the last two in pixels. */
export const RESIZE_SH = `# Sets the size of a producer's terminal: FOLDER ROWS COLS [WIDTH HEIGHT], the last two in pixels.\n${FIND_TERMINAL_SH}${WINDOW_SIZE_SH}PATH=$PATH:/usr/bin:/bin\nHEADGATE_TTY_FOLDER=$1\nshift\necho "$*" > "$HEADGATE_TTY_FOLDER/size" || exit 1\nheadgate_find "$HEADGATE_TTY_FOLDER"\ncase $? in 1) exit 0 ;; 2) exit 2 ;; esac\nheadgate_pixels "$@" < "$HEADGATE_TTY" || exec stty -F "$HEADGATE_TTY" rows "$1" cols "$2"\n`;
