#!/bin/sh
# Sizes the window of a pane: NONCE ROOT RUNNER ID COLS ROWS.
#
# Record `done`, `gone`, or `refused WORDS`.

. ./pane-head.sh
hg_find_pane || hg_gone
hg_said=$(tmux -S "$hg_socket" resize-window -t "$hg_pane" -x "$5" -y "$6" 2>&1) || { hg_say refused "$hg_said"; exit 0; }
hg_say 'done'
exit 0
