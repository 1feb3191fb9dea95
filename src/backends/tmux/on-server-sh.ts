// Made from src/backends/tmux/on-server.sh by npm run docs.
/** Runs tmux: FLAG SOCKET ARGS...; an empty FLAG means the usual server. */
export const ON_SERVER_SH = `# Runs tmux: FLAG SOCKET ARGS...; an empty FLAG means the usual server.\nPATH=$PATH:/usr/local/bin:/usr/bin:/bin\nunset TMUX TMUX_PANE\nif [ -n "$1" ]; then exec tmux "$@"; fi\nshift 2\nexec tmux "$@"\n`;
