// Made from src/backends/tmux/probe.sh by npm run docs.
/** Prints where tmux is and which version it has. */
export const PROBE_SH = `# Prints where tmux is and which version it has.\nPATH=$PATH:/usr/local/bin:/usr/bin:/bin\nheadgate_tmux=$(command -v tmux) || exit 127\necho "$headgate_tmux"\nexec "$headgate_tmux" -V\n`;
