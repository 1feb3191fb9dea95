#!/bin/sh
# Runs tmux: FLAG SOCKET ARGS...; an empty FLAG means the usual server.

PATH=$PATH:/usr/local/bin:/usr/bin:/bin
unset TMUX TMUX_PANE
if [ -n "$1" ]; then exec tmux "$@"; fi
shift 2
exec tmux "$@"
