#!/bin/sh
# Headgate's shim in a tmux pane: sh SHIM FOLDER.
#
# It is the pane's own process (SPEC {#backend_tmux}). FOLDER/launch sets the directory, the environment and the variables
# below. It differs from the other shim in that the command's input and output are the pane: tmux itself appends what the pane
# says to FOLDER/out.1, from before the command begins.
#
# The end: tmux and `cat` hold output back for a moment, and tmux throws away what it has when its pane is gone. So the shim
# writes a mark that no terminal shows, and stays until the mark has arrived in the file; readers cut it off.
# shellcheck disable=SC2034,SC2153 # FOLDER/launch sets some of the variables, and read needs one for the rest of a line

# What this shell has to say of a killed command is not for the pane.
exec 2> /dev/null
. ../shim/shim-head.sh
# shellcheck disable=SC1091 # made for the one producer
. "$1/launch"
headgate_run() { (PATH=$PATH:/usr/bin:/bin; exec "$@") 5<&-; }

# True once the mark is at the end of the output; now and then it is looked for wherever a process left behind wrote on.
headgate_arrived() {
  [ "$(headgate_run tail -c "${#HEADGATE_SHIM_WHOLE}" "$1/out.1")" = "$HEADGATE_SHIM_WHOLE" ] && return
  [ $((HEADGATE_SHIM_LOOKS % 25)) = 24 ] || return
  headgate_run tail -c "+$((HEADGATE_SHIM_SIZE + 1))" "$1/out.1" | headgate_run tr '\0\n' '  ' | (LC_ALL=C; export LC_ALL; headgate_run grep -q -F "$HEADGATE_SHIM_WHOLE")
}

# True while the process that tmux pipes the pane to is there, or has not said yet who it is.
headgate_piped() {
  [ -r "$1/pipe" ] && read -r HEADGATE_SHIM_PIPED HEADGATE_SHIM_SINCE HEADGATE_SHIM_REST < "$1/pipe" || return 0
  headgate_ticks "$HEADGATE_SHIM_PIPED" && [ "$HEADGATE_SHIM_TICKS" = "$HEADGATE_SHIM_SINCE" ] || return 1
  case ${HEADGATE_SHIM_STAT##*) } in [ZX]*) return 1 ;; esac
}

# tmux has the output of this pane from here on; the command comes after that.
if headgate_publish "$1/pane" "$TMUX_PANE ${TMUX%,*,*}" &&
  "$HEADGATE_SHIM_TMUX" pipe-pane -O -t "$TMUX_PANE" "$HEADGATE_SHIM_PIPE" \; set-option -w -t "$TMUX_PANE" remain-on-exit off 5<&-; then
  # The terminal has its size now, not when tmux comes round to it.
  [ -z "$HEADGATE_SHIM_ROWS" ] || headgate_run stty rows "$HEADGATE_SHIM_ROWS" cols "$HEADGATE_SHIM_COLS"
  [ -z "$HEADGATE_SHIM_ROWS" ] || "$HEADGATE_SHIM_TMUX" resize-window -t "$TMUX_PANE" -x "$HEADGATE_SHIM_COLS" -y "$HEADGATE_SHIM_ROWS" 5<&-
  if [ "$HEADGATE_SHIM_STDIN" = 1 ]; then
    (exec /bin/sh -c "$HEADGATE_SHIM_COMMAND") 2>&1 5<&-
  else
    (exec /bin/sh -c "$HEADGATE_SHIM_COMMAND") < /dev/null 2>&1 5<&-
  fi
  HEADGATE_SHIM_CODE=$?
  [ -z "$HEADGATE_SHIM_FAR" ] || { headgate_uptime && HEADGATE_SHIM_TOOK=$((HEADGATE_SHIM_NOW - HEADGATE_SHIM_FIRST)); }
  HEADGATE_SHIM_SIZE=$(headgate_run stat -c %s "$1/out.1" || headgate_run wc -c < "$1/out.1")
  # Whatever the command made of the terminal: the mark gets through.
  trap '' TTOU
  headgate_run stty -ixon -tostop
  # shellcheck disable=SC1003 # a backslash ends the mark
  HEADGATE_SHIM_WHOLE=$(printf '\030\033^%s\033\\' "$HEADGATE_SHIM_MARK")
  HEADGATE_SHIM_LOOKS=0
  printf %s "$HEADGATE_SHIM_WHOLE"
  HEADGATE_SHIM_SAID=$?
  until headgate_arrived "$1"; do
    if ! headgate_piped "$1"; then
      # Another program has taken the pipe away; when the pane itself is gone there was nothing more to come.
      [ "$HEADGATE_SHIM_SAID" != 0 ] || headgate_arrived "$1" || headgate_publish "$1/unpiped" 1
      break
    fi
    HEADGATE_SHIM_LOOKS=$((HEADGATE_SHIM_LOOKS + 1))
    [ "$HEADGATE_SHIM_LOOKS" -lt 50 ] || headgate_run sleep 0.02 || headgate_run sleep 1
  done
else
  echo 'headgate: tmux cannot pipe the pane; the command was not run' >> "$1/out.1"
  HEADGATE_SHIM_CODE=125
fi
[ -z "$HEADGATE_SHIM_FAR" ] || headgate_publish "$1/took" "$HEADGATE_SHIM_TOOK"
headgate_publish "$1/exit" "$HEADGATE_SHIM_CODE"
exit 0
