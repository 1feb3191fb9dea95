import { shellQuote } from '../../core/shell-quote.ts';
import { LAST_TEXT } from '../remote/input-text.ts';
import { LIBRARY_TEXT } from '../remote/library-text.ts';
import { WINDOW_TEXT } from './tmux.ts';

/** Variables of the launcher; `PART_1` ... hold the file `launch`. */
const VARIABLES = ['FLAG', 'SOCKET', 'SESSION', 'NAME', 'COLS', 'ROWS', 'TARGET', 'FROM', 'SHIM', 'PIPE', 'PARTS'] as const;

export type LauncherVariable = (typeof VARIABLES)[number];

/**
 * Starts a producer in tmux on a shell host: `sh LAUNCHER FOLDER` in the asked directory (SPEC {#backend_tmux}), what
 * launch-pane.ts does on this machine. Its variables are HEADGATE_LAUNCH_ and a name: with TARGET that pane is watched by the
 * script SHIM; else SHIM is the shim of a new window, and PIPE what its output goes through.
 *
 * When nothing comes of it FOLDER/refused has a line: `no_tmux`, `tmux_old VERSION`, `pane_piped`, `tmux_said WORDS`.
 */
export const LAUNCHER_TEXT = `PATH=$PATH:/usr/local/bin:/usr/bin:/bin
hg_folder=$1 hg_id=\${1##*/} hg_here=$(pwd) hg_umask=$(umask)
hg_producer=$HEADGATE_PRODUCER hg_spool=$HEADGATE_SPOOL
umask 077
hg_publish() { cat > "$hg_folder/$1.$$" && mv "$hg_folder/$1.$$" "$hg_folder/$1"; }
hg_refuse() { printf '%s\\n' "$*" | tr '\\n' ' ' | { cat; echo; } | hg_publish refused; exit 0; }
hg_quote() { printf "'%s'" "$(printf '%s\\n' "$1" | sed "s/'/'\\\\\\\\''/g")"; }
# Text that tmux expands to exactly $1.
hg_unexpanded() { printf '%s\\n' "$1" | sed 's/#/##/g; s/%/%%/g'; }

hg_tmux=$(command -v tmux) || hg_refuse no_tmux
hg_version=$(tmux -V)
set -- $(printf '%s\\n' "$hg_version" | sed -n 's/^[^0-9]*\\([0-9][0-9]*\\)\\.\\([0-9][0-9]*\\).*/\\1 \\2/p')
[ "\${1:-99}" -gt 2 ] || { [ "$1" = 2 ] && [ "$2" -ge 9 ]; } || hg_refuse tmux_old "$hg_version"

if [ -n "$HEADGATE_LAUNCH_TARGET" ]; then hg_pane_shim=watch.sh; else hg_pane_shim=pane.sh; fi
printf %s "$HEADGATE_LAUNCH_SHIM" | hg_publish $hg_pane_shim
printf %s "$HEADGATE_LAUNCH_PIPE" | hg_publish pipe.sh
{
  echo "cd -- $(hg_quote "$hg_here") || exit"
  hg_n=0
  while [ $hg_n -lt "$HEADGATE_LAUNCH_PARTS" ]; do
    hg_n=$((hg_n + 1))
    eval "printf %s \\"\\$HEADGATE_LAUNCH_PART_$hg_n\\""
    unset "HEADGATE_LAUNCH_PART_$hg_n"
  done
  echo "export HEADGATE_PRODUCER=$(hg_quote "$hg_producer") HEADGATE_SPOOL=$(hg_quote "$hg_spool")"
  echo "HEADGATE_SHIM_TMUX=$(hg_quote "$hg_tmux")"
  echo "HEADGATE_SHIM_PIPE=$(hg_quote "$(hg_unexpanded "exec /bin/sh $(hg_quote "$hg_folder/pipe.sh") $(hg_quote "$hg_folder") $(hg_quote "$hg_tmux")")")"
} | hg_publish launch
${VARIABLES.map((name) => `hg_${name.toLowerCase()}=$HEADGATE_LAUNCH_${name}`).join('\n')}
hg_n=0
while [ $hg_n -lt "$hg_parts" ]; do
  hg_n=$((hg_n + 1))
  unset "HEADGATE_LAUNCH_PART_$hg_n"
done
# A tmux server that this is the first to start has nothing of it in its environment.
unset ${VARIABLES.map((name) => `HEADGATE_LAUNCH_${name}`).join(' ')} HEADGATE_PRODUCER HEADGATE_SPOOL TMUX TMUX_PANE
umask "$hg_umask"

if [ -z "$hg_target" ]; then
  hg_said=$(/bin/sh -c ${shellQuote(WINDOW_TEXT)} sh "$hg_flag" "$hg_socket" "$hg_session" "$hg_name" "$hg_cols" "$hg_rows" \\
    "$hg_folder/pane.sh" "$hg_folder" 2>&1)
  # The exit code of tmux says nothing where it cannot make its socket.
  case $hg_said in *'pid '[0-9]*) ;; *) hg_refuse tmux_said "$(printf '%s\\n' "$hg_said" | tail -n 1)" ;; esac
  exit 0
fi

set --
[ -z "$hg_flag" ] || set -- "$hg_flag" "$hg_socket"
hg_said=$(tmux "$@" display-message -p -t "$hg_target" '#{pane_id} #{pane_dead} #{socket_path}' 2>&1) ||
  hg_refuse tmux_said "$(printf '%s\\n' "$hg_said" | tail -n 1)"
case $hg_said in %[0-9]*' 0 /'*) ;; *) hg_refuse tmux_said "can't find pane $hg_target" ;; esac
hg_pane=\${hg_said%% *} hg_path=\${hg_said#* [01] }
hg_again=
[ ! -e "$hg_folder/pane" ] || hg_again=1
(umask 077; echo "$hg_pane $hg_path" | hg_publish pane)
hg_buffer=headgate-$hg_id
hg_command="exec /bin/sh $(hg_quote "$hg_folder/watch.sh") $(hg_quote "$hg_folder") $(hg_quote "$hg_tmux") $(hg_quote "$hg_path") $hg_buffer"
hg_command="$(hg_unexpanded "$hg_command") #{cursor_y} #{pane_height}"
hg_said=$(tmux -S "$hg_path" if-shell -F -t "$hg_pane" '#{pane_pipe}' 'display-message -p piped' \\
  "capture-pane -t $hg_pane -e -J -S $hg_from -b $hg_buffer ; capture-pane -t $hg_pane -P -b $hg_buffer-rest ; pipe-pane -O -t $hg_pane $(hg_quote "$hg_command")" 2>&1) ||
  hg_refuse tmux_said "$(printf '%s\\n' "$hg_said" | tail -n 1)"
case $hg_said in *piped*) ;; *) exit 0 ;; esac
# After a lost link it may be the pipe of the launcher before this one.
hg_n=0
while [ -n "$hg_again" ] && [ ! -e "$hg_folder/pid" ] && [ $hg_n -lt 20 ]; do
  hg_n=$((hg_n + 1))
  sleep 0.1 || sleep 1
done
[ -e "$hg_folder/pid" ] || hg_refuse pane_piped
exit 0
`;

const HEAD = `${LIBRARY_TEXT}
exec 2> /dev/null
unset TMUX TMUX_PANE
hg_id=$4
hg_find_spool "$2" "$3"
hg_gone() { hg_say gone; exit 0; }
cd "$hg_spool/$hg_id" || hg_gone
# Waits until the shim and its pane are known; fails when they are not there, or not any more.
hg_find_pane() {
  hg_n=0
  until hg_claim && [ -e pane ]; do
    if [ "$hg_state" = barred ] || [ $hg_n -ge 200 ]; then return 1; fi
    hg_n=$((hg_n + 1))
    hg_nap 0.02
  done
  hg_exit && return 1
  read -r hg_pane hg_socket < pane && hg_shim_alive
}
`;

/** Types into the pane of a producer: as INPUT_TEXT, with tmux instead of the FIFO, so nobody has to read for it. */
export const PANE_INPUT_TEXT = `${HEAD}trap '' PIPE HUP
hg_over() { hg_say ended; exit 0; }
hg_find_pane || hg_over
[ ! -e in.ended ] || hg_over
${LAST_TEXT}# From tmux 3.7 on, control characters are changed unless it is told not to.
set -- $(tmux -V | sed -n 's/^[^0-9]*\\([0-9][0-9]*\\)\\.\\([0-9][0-9]*\\).*/\\1 \\2/p')
hg_exact=
if [ "\${1:-99}" -gt 3 ] || { [ "$1" = 3 ] && [ "$2" -ge 7 ]; }; then hg_exact=-S; fi
hg_type() {
  if hg_exit || ! hg_shim_alive; then return 1; fi
  printf %b "$1" | tmux -S "$hg_socket" load-buffer -b "headgate-$hg_id" - \\; paste-buffer -d -r $hg_exact -b "headgate-$hg_id" -t "$hg_pane"
}
hg_say ready "$hg_seq" $hg_unsure
while IFS= read -r hg_line; do
  case $hg_line in
    w*)
      hg_seq=$((hg_seq + 1))
      echo "$hg_seq begun $hg_me" >| in.last
      hg_type "\${hg_line#w}" || hg_over
      echo "$hg_seq done -" >| in.last
      hg_say taken "$hg_seq"
      ;;
    x*)
      hg_type "\${hg_line#x}" || hg_over
      true > in.ended
      hg_say closed
      exit 0
      ;;
  esac
done
exit 0
`;

/** Sizes the window of a pane: `sh -c PANE_RESIZE_TEXT sh NONCE ROOT RUNNER ID COLS ROWS`. Record `done`, `gone`, or `refused WORDS`. */
export const PANE_RESIZE_TEXT = `${HEAD}hg_find_pane || hg_gone
hg_said=$(tmux -S "$hg_socket" resize-window -t "$hg_pane" -x "$5" -y "$6" 2>&1) || { hg_say refused "$hg_said"; exit 0; }
hg_say done
exit 0
`;

/**
 * Signals what is in the foreground of a pane: `sh -c PANE_SIGNAL_TEXT sh NONCE ROOT RUNNER ID SIGNAL`. Record `done`, or `gone`
 * where the foreground is the shim's own group, or nobody's.
 */
export const PANE_SIGNAL_TEXT = `${HEAD}hg_find_pane || hg_gone
read -r hg_line < "/proc/$hg_pid/stat" || hg_gone
hg_signal=$5
set -- \${hg_line##*) }
[ "$6" -gt 1 ] && [ "$6" != "$hg_pid" ] && kill "-$hg_signal" "-$6" || hg_gone
hg_say done
exit 0
`;

/** Takes the pipe of a watch away: `sh -c UNWATCH_TEXT sh NONCE ROOT RUNNER ID`. Record `done PID`, or `gone`. */
export const UNWATCH_TEXT = `${HEAD}trap '' PIPE HUP
hg_claim && [ -e pane ] && hg_shim_alive || hg_gone
read -r hg_pane hg_socket < pane
tmux -S "$hg_socket" pipe-pane -t "$hg_pane"
hg_say done "$hg_pid"
exit 0
`;

/** Whether somebody took the pipe of a pane away while the command ran: record `cut` or `whole`. */
export const UNPIPED_TEXT = `${HEAD}if [ -e unpiped ]; then hg_say cut; else hg_say whole; fi
exit 0
`;
