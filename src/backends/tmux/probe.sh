#!/bin/sh
# Prints where tmux is and which version it has.

PATH=$PATH:/usr/local/bin:/usr/bin:/bin
headgate_tmux=$(command -v tmux) || exit 127
echo "$headgate_tmux"
exec "$headgate_tmux" -V
