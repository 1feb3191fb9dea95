// Made from src/backends/tmux/pane-signal.sh by npm run docs.
import { PANE_HEAD_SH } from './pane-head-sh.ts';

/** Signals what is in the foreground of a pane: NONCE ROOT RUNNER ID SIGNAL. */
export const PANE_SIGNAL_SH = `# Signals what is in the foreground of a pane: NONCE ROOT RUNNER ID SIGNAL.\n${PANE_HEAD_SH}hg_find_pane || hg_gone\nread -r hg_line < "/proc/$hg_pid/stat" || hg_gone\nhg_signal=$5\nset -- \${hg_line##*) }\n[ "$6" -gt 1 ] && [ "$6" != "$hg_pid" ] && kill "-$hg_signal" "-$6" || hg_gone\nhg_say 'done'\nexit 0\n`;
