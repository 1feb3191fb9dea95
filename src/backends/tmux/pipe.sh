#!/bin/sh
# Headgate's end of tmux pipe-pane: sh PIPE FOLDER TMUX.
#
# It says who it is, in FOLDER/pipe, and appends what comes to FOLDER/out.1. When the pane is gone before its shim, somebody
# has killed it or the tmux server: the kernel tells that to the shim only, which outlives every signal, so the rest of its
# session is told from here, as a terminal would.

PATH=$PATH:/usr/bin:/bin
headgate_folder=$1 headgate_tmux=$2
read -r headgate_stat < "/proc/$$/stat"
read -r headgate_boot < /proc/sys/kernel/random/boot_id
# shellcheck disable=SC2086 # fields of /proc/PID/stat
set -- ${headgate_stat##*) }
echo "$$ ${20} $headgate_boot" > "$headgate_folder/pipe"
(exec cat) >> "$headgate_folder/out.1"
read -r headgate_shim headgate_since headgate_boot < "$headgate_folder/pid" && [ ! -e "$headgate_folder/exit" ] || exit 0
read -r headgate_pane headgate_socket < "$headgate_folder/pane"
[ "$("$headgate_tmux" -S "$headgate_socket" display-message -p -t "$headgate_pane" '#{pane_id}')" != "$headgate_pane" ] || exit 0
for headgate_process in "/proc/$headgate_shim" /proc/[0-9]*; do
  read -r headgate_stat < "$headgate_process/stat" || continue
  # shellcheck disable=SC2086 # fields of /proc/PID/stat
  set -- ${headgate_stat##*) }
  case $headgate_process in
    "/proc/$headgate_shim") [ "${20}" = "$headgate_since" ] || exit 0 ;;
    "/proc/$$") ;;
    *)
      if [ "$4" = "$headgate_shim" ] && [ "${headgate_process#/proc/}" != "$headgate_shim" ]; then
        kill -s HUP "${headgate_process#/proc/}" && kill -s CONT "${headgate_process#/proc/}"
      fi ;;
  esac
done
