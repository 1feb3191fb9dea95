#!/bin/sh
# Makes a window and prints the pid in its pane: FLAG SOCKET SESSION NAME COLS ROWS SHIM FOLDER.
#
# Two may find no session at once, and a session may end between two looks: then again. The shim's claim keeps a command from
# running twice.

PATH=$PATH:/usr/local/bin:/usr/bin:/bin
unset TMUX TMUX_PANE
headgate_flag=$1 headgate_socket=$2 headgate_session=$3 headgate_name=$4 headgate_cols=$5 headgate_rows=$6
shift 6
headgate_tmux() { if [ -n "$headgate_flag" ]; then tmux "$headgate_flag" "$headgate_socket" "$@"; else tmux "$@"; fi; }
headgate_left=10
while :; do
  headgate_said=$(headgate_tmux new-window -d -P -F 'pid #{pane_pid}' -n "$headgate_name" -t "=$headgate_session:" /bin/sh "$@" 2>&1) && break
  headgate_said=$(headgate_tmux new-session -d -P -F 'pid #{pane_pid}' -n "$headgate_name" -s "$headgate_session" -x "$headgate_cols" -y "$headgate_rows" /bin/sh "$@" 2>&1) && break
  headgate_left=$((headgate_left - 1))
  case $headgate_left-$headgate_said in
    0-* | *'error c'* | *'too long'*) printf '%s\n' "$headgate_said" >&2; exit 1 ;;
  esac
done
printf '%s\n' "$headgate_said"
