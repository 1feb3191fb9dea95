#!/bin/sh
# Starts a producer in tmux on a shell host: FOLDER, in the asked directory, and the variables HEADGATE_LAUNCH_*.
#
# What launch-pane.ts does on this machine (SPEC {#backend_tmux}). With TARGET that pane is watched by the program SHIM; else
# SHIM is the shim of a new window, and PIPE what its output goes through. PART_1 ... hold the file `launch`.
#
# When nothing comes of it FOLDER/refused has a line: `no_tmux`, `tmux_old VERSION`, `pane_piped`, `tmux_said WORDS`.

PATH=$PATH:/usr/local/bin:/usr/bin:/bin
hg_folder=$1 hg_id=${1##*/} hg_here=$(pwd) hg_umask=$(umask)
hg_producer=$HEADGATE_PRODUCER hg_spool=$HEADGATE_SPOOL
umask 077
hg_publish() { cat > "$hg_folder/$1.$$" && mv "$hg_folder/$1.$$" "$hg_folder/$1"; }
hg_refuse() { printf '%s\n' "$*" | tr '\n' ' ' | { cat; echo; } | hg_publish refused; exit 0; }
hg_quote() { printf "'%s'" "$(printf '%s\n' "$1" | sed "s/'/'\\\\''/g")"; }
# Text that tmux expands to exactly $1.
hg_unexpanded() { printf '%s\n' "$1" | sed 's/#/##/g; s/%/%%/g'; }

hg_tmux=$(command -v tmux) || hg_refuse no_tmux
hg_version=$(tmux -V)
# shellcheck disable=SC2046 # two numbers
set -- $(printf '%s\n' "$hg_version" | sed -n 's/^[^0-9]*\([0-9][0-9]*\)\.\([0-9][0-9]*\).*/\1 \2/p')
[ "${1:-99}" -gt 2 ] || { [ "$1" = 2 ] && [ "$2" -ge 9 ]; } || hg_refuse tmux_old "$hg_version"

if [ -n "$HEADGATE_LAUNCH_TARGET" ]; then hg_pane_shim=watch.sh; else hg_pane_shim=pane.sh; fi
printf %s "$HEADGATE_LAUNCH_SHIM" | hg_publish $hg_pane_shim
printf %s "$HEADGATE_LAUNCH_PIPE" | hg_publish pipe.sh
{
  echo "cd -- $(hg_quote "$hg_here") || exit"
  hg_n=0
  while [ $hg_n -lt "$HEADGATE_LAUNCH_PARTS" ]; do
    hg_n=$((hg_n + 1))
    eval "printf %s \"\$HEADGATE_LAUNCH_PART_$hg_n\""
    unset "HEADGATE_LAUNCH_PART_$hg_n"
  done
  echo "export HEADGATE_PRODUCER=$(hg_quote "$hg_producer") HEADGATE_SPOOL=$(hg_quote "$hg_spool")"
  echo "HEADGATE_SHIM_TMUX=$(hg_quote "$hg_tmux")"
  echo "HEADGATE_SHIM_PIPE=$(hg_quote "$(hg_unexpanded "exec /bin/sh $(hg_quote "$hg_folder/pipe.sh") $(hg_quote "$hg_folder") $(hg_quote "$hg_tmux")")")"
} | hg_publish launch
hg_flag=$HEADGATE_LAUNCH_FLAG
hg_socket=$HEADGATE_LAUNCH_SOCKET
hg_session=$HEADGATE_LAUNCH_SESSION
hg_name=$HEADGATE_LAUNCH_NAME
hg_cols=$HEADGATE_LAUNCH_COLS
hg_rows=$HEADGATE_LAUNCH_ROWS
hg_target=$HEADGATE_LAUNCH_TARGET
hg_from=$HEADGATE_LAUNCH_FROM
hg_parts=$HEADGATE_LAUNCH_PARTS
hg_n=0
while [ $hg_n -lt "$hg_parts" ]; do
  hg_n=$((hg_n + 1))
  unset "HEADGATE_LAUNCH_PART_$hg_n"
done
# A tmux server that this is the first to start has nothing of it in its environment.
unset HEADGATE_LAUNCH_FLAG HEADGATE_LAUNCH_SOCKET HEADGATE_LAUNCH_SESSION HEADGATE_LAUNCH_NAME HEADGATE_LAUNCH_COLS HEADGATE_LAUNCH_ROWS \
  HEADGATE_LAUNCH_TARGET HEADGATE_LAUNCH_FROM HEADGATE_LAUNCH_SHIM HEADGATE_LAUNCH_PIPE HEADGATE_LAUNCH_PARTS HEADGATE_PRODUCER HEADGATE_SPOOL TMUX TMUX_PANE
umask "$hg_umask"

if [ -z "$hg_target" ]; then
  hg_said=$(/bin/sh -c "$(cat ./window.sh)" sh "$hg_flag" "$hg_socket" "$hg_session" "$hg_name" "$hg_cols" "$hg_rows" \
    "$hg_folder/pane.sh" "$hg_folder" 2>&1)
  # The exit code of tmux says nothing where it cannot make its socket.
  case $hg_said in *'pid '[0-9]*) ;; *) hg_refuse tmux_said "$(printf '%s\n' "$hg_said" | tail -n 1)" ;; esac
  exit 0
fi

set --
[ -z "$hg_flag" ] || set -- "$hg_flag" "$hg_socket"
hg_said=$(tmux "$@" display-message -p -t "$hg_target" '#{pane_id} #{pane_dead} #{socket_path}' 2>&1) ||
  hg_refuse tmux_said "$(printf '%s\n' "$hg_said" | tail -n 1)"
case $hg_said in %[0-9]*' 0 /'*) ;; *) hg_refuse tmux_said "can't find pane $hg_target" ;; esac
hg_pane=${hg_said%% *} hg_path=${hg_said#* [01] }
hg_again=
[ ! -e "$hg_folder/pane" ] || hg_again=1
(umask 077; echo "$hg_pane $hg_path" | hg_publish pane)
hg_buffer=headgate-$hg_id
hg_command="exec /bin/sh $(hg_quote "$hg_folder/watch.sh") $(hg_quote "$hg_folder") $(hg_quote "$hg_tmux") $(hg_quote "$hg_path") $hg_buffer"
hg_command="$(hg_unexpanded "$hg_command") #{cursor_y} #{pane_height}"
hg_said=$(tmux -S "$hg_path" if-shell -F -t "$hg_pane" '#{pane_pipe}' 'display-message -p piped' \
  "capture-pane -t $hg_pane -e -J -S $hg_from -b $hg_buffer ; capture-pane -t $hg_pane -P -b $hg_buffer-rest ; pipe-pane -O -t $hg_pane $(hg_quote "$hg_command")" 2>&1) ||
  hg_refuse tmux_said "$(printf '%s\n' "$hg_said" | tail -n 1)"
case $hg_said in *piped*) ;; *) exit 0 ;; esac
# After a lost link it may be the pipe of the launcher before this one.
hg_n=0
while [ -n "$hg_again" ] && [ ! -e "$hg_folder/pid" ] && [ $hg_n -lt 20 ]; do
  hg_n=$((hg_n + 1))
  sleep 0.1 || sleep 1
done
[ -e "$hg_folder/pid" ] || hg_refuse pane_piped
exit 0
