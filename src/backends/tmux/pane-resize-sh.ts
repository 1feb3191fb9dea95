// Made from src/backends/tmux/pane-resize.sh by npm run docs.
import { PANE_HEAD_SH } from './pane-head-sh.ts';

/** Sizes the window of a pane: NONCE ROOT RUNNER ID COLS ROWS. */
export const PANE_RESIZE_SH = `# Sizes the window of a pane: NONCE ROOT RUNNER ID COLS ROWS.\n${PANE_HEAD_SH}hg_find_pane || hg_gone\nhg_said=$(tmux -S "$hg_socket" resize-window -t "$hg_pane" -x "$5" -y "$6" 2>&1) || { hg_say refused "$hg_said"; exit 0; }\nhg_say 'done'\nexit 0\n`;
