// Made from src/backends/tmux/unpiped.sh by npm run docs.
import { PANE_HEAD_SH } from './pane-head-sh.ts';

/** Says whether another program took the pipe of a pane away while the command ran: NONCE ROOT RUNNER ID. */
export const UNPIPED_SH = `# Says whether another program took the pipe of a pane away while the command ran: NONCE ROOT RUNNER ID.\n${PANE_HEAD_SH}if [ -e unpiped ]; then hg_say cut; else hg_say whole; fi\nexit 0\n`;
