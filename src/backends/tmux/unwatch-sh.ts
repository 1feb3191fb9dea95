// Made from src/backends/tmux/unwatch.sh by npm run docs.
import { PANE_HEAD_SH } from './pane-head-sh.ts';

/** Takes the pipe of a watch away: NONCE ROOT RUNNER ID. */
export const UNWATCH_SH = `# Takes the pipe of a watch away: NONCE ROOT RUNNER ID.\n${PANE_HEAD_SH}trap '' PIPE HUP\nhg_claim && [ -e pane ] && hg_shim_alive || hg_gone\nread -r hg_pane hg_socket < pane\ntmux -S "$hg_socket" pipe-pane -t "$hg_pane"\nhg_say 'done' "$hg_pid"\nexit 0\n`;
