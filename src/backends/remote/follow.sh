#!/bin/sh
# Starts a producer when asked to, and follows it: NONCE MODE ROOT RUNNER ID STDIN OFFSET1 OFFSET2 GRACE SHIM CWD APART.
#
# MODE is `start`, `launch`, `adopt` (gives a shim that is under way 2 seconds to claim) or `follow`; ROOT is empty
# for the host's usual place; GRACE is how long output is read on while processes hold it after the end, hundredths of a
# second. For `start`, standard input brings lines of `printf %b` text: `c` the command, `e` NAME=VALUE, `t` when it is for
# a terminal, `.` when that is all: every user of the host could see them among the arguments. With APART a second run, with
# MODE `launch` and the same lines, becomes the shim once this one has made its folder: in a container no process reaps what a run
# leaves behind. After that each line asks for the record `size BYTES1 BYTES2` while the command runs, and an end of standard
# input ends it, and the command is not touched.
#
# Standard output: the record `follow`, then the bytes of channel 1 with the records `exit`, `held` and `end` among them.
# Standard error: the record `begin`, then the bytes of channel 2, with the record `here` where `held` and `end` are said.
#
# The end of the shim shows without polling: the shim alone holds the FIFO `alive` open for writing, however it ends.
# GNU tail is woken by inotify, and ends by itself with all of it written once the process of --pid is gone; any other
# tail looks once a second, so there the open files are looked at (look-at-files.sh).

. ./library.sh
exec 4>&2 2> /dev/null 8<&0
hg_mode=$2 hg_id=$5 hg_stdin=$6 hg_o1=$7 hg_o2=$8 hg_grace=$9 hg_shim=${10} hg_cwd=${11} hg_apart=${12}
hg_make=
case $hg_mode in start | launch) hg_make=1 ;; esac
hg_find_spool "$3" "$4" "$hg_make"
hg_dir=$hg_spool/$hg_id

if [ -n "$hg_make" ]; then
  set --
  hg_command= hg_wants_terminal= hg_copy=1
  # Into hg_word, what text for %b is; without an escape that is the text itself, and takes no process.
  hg_text() {
    hg_word=$1
    case $1 in *\\*) hg_word=$(printf '%bx' "$1") && hg_word=${hg_word%x} ;; esac
  }
  while :; do
    # Cut off before it was whole: nothing is started.
    IFS= read -r hg_line || exit 1
    case $hg_line in
      c*) hg_text "${hg_line#c}" && hg_command=$hg_word ;;
      e*) hg_text "${hg_line#e}" && set -- "$@" "$hg_word" ;;
      t) hg_wants_terminal=1 hg_copy=0 ;;
      .) break ;;
    esac
  done
  hg_cwd=${hg_cwd:-$hg_here}
  hg_launch() {
    umask "$hg_umask"
    # shellcheck disable=SC2086 # a program and its options, or nothing
    cd "$hg_cwd" && exec env "PATH=$hg_path" "$@" "HEADGATE_PRODUCER=$hg_id" "HEADGATE_SPOOL=$hg_spool" \
      $hg_fork /bin/sh "$hg_dir/shim.sh" "$hg_dir" "$hg_stdin" "$hg_copy" /bin/sh -c "$hg_command"
  }
  if [ "$hg_mode" = launch ]; then
    hg_n=0 hg_fork=
    until [ -e "$hg_dir/shim.sh" ]; do
      hg_n=$((hg_n + 1))
      [ $hg_n -lt 2000 ] || exit 1
      hg_nap 0.005
    done
    hg_launch "$@" < /dev/null > /dev/null 2>&1 4>&- 8<&-
    exit 1
  fi
  [ -d "$hg_cwd" ] && [ -x "$hg_cwd" ] || hg_fail cwd_missing
  for hg_tool in setsid mkfifo tail grep env cat; do command -v "$hg_tool" > /dev/null || hg_fail no_tool "$hg_tool"; done
  [ -r /proc/self/stat ] && [ "$hg_boot" != - ] || hg_fail no_proc
  if [ -n "$hg_wants_terminal" ]; then
    hg_why=$(
. ../shim/terminal-probe.sh
)
    [ -z "$hg_why" ] || hg_fail no_terminal "$hg_why"
  fi
  # Again: the folder around it may be removed at this moment, with the last producer before this one.
  mkdir -p "$hg_dir" || mkdir -p "$hg_dir" || hg_fail no_folder "$hg_dir"
  cd "$hg_dir" && true >> out.1 && true >> out.2 || hg_fail no_folder "$hg_dir"
  [ -p alive ] || mkfifo alive || [ -p alive ] || hg_fail no_folder "$hg_dir"
  [ -z "$hg_wants_terminal" ] || true > terminal || hg_fail disk_full "$hg_dir"
  if [ ! -e pid ]; then
    { printf '%s' "$hg_shim" > "shim.$$" && mv "shim.$$" shim.sh; } || { rm -f "shim.$$"; hg_fail disk_full "$hg_dir"; }
    hg_setsid=$(command -v setsid) hg_launched=
    # What a shell starts in the background ignores SIGINT and SIGQUIT for good; so another program forks, where one can.
    case $("$hg_setsid" --help 2>&1; start-stop-daemon --help 2>&1) in
      *--fork*) hg_fork="$hg_setsid -f" ;;
      *BusyBox*start-stop-daemon*) hg_fork="start-stop-daemon -S -b -p $hg_id/none -x $hg_setsid --" ;;
      *) hg_fork= ;;
    esac
    if [ -n "$hg_apart" ]; then
      :
    elif [ -n "$hg_fork" ]; then
      (hg_launch "$@") < /dev/null > /dev/null 2>&1 4>&- 8<&-
    else
      hg_fork=$hg_setsid
      (hg_launch "$@") < /dev/null > /dev/null 2>&1 4>&- 8<&- &
      hg_launched=$!
    fi
  fi
elif ! cd "$hg_dir"; then
  printf '\036%s begin\n' "$hg_nonce" >&4
  hg_say follow absent - - - "$hg_boot" 0 0 0 "$hg_dir"
  hg_say exit - -
  hg_say end 0 0
  exit 0
fi

hg_gnu=
tail --version > /dev/null && hg_gnu=1
if [ -z "$hg_gnu" ]; then
  . ./look-at-files.sh
fi

hg_n=0
until hg_claim || [ "$hg_state" = barred ]; do
  hg_n=$((hg_n + 1))
  if [ "$hg_mode" = start ] && [ -e refused ]; then
    read -r hg_why < refused
    if (set -C; echo barred > pid); then hg_remove "$hg_id"; hg_fail "$hg_why"; fi
    continue
  fi
  case $hg_mode in
    # The claim comes within a few milliseconds: shorter than a process that sleeps.
    start) [ $hg_n -lt 200 ] || hg_nap 0.005 ;;
    adopt) hg_nap 0.1 ;;
    *) break ;;
  esac
  if [ "$hg_mode" = adopt ] && [ $hg_n -ge 20 ]; then break; fi
  if [ $hg_n -ge 2000 ]; then
    [ -z "$hg_launched" ] || kill -9 "$hg_launched"
    if (set -C; echo barred > pid); then cd / && rm -rf "$hg_dir"; hg_fail start_failed; fi
    break
  fi
done

# Where in file out.$1 channel offset $2 is, into hg_skip, and that of its first byte into hg_base: not 0 only for a command of an
# earlier version that has truncated its own output. A file that is shorter has lost its end with the power (SPEC {#machine_restart}).
hg_seek() {
  hg_base=0 hg_skip=0
  [ -e "out.$1.base" ] && read -r hg_base < "out.$1.base"
  [ "$2" = 0 ] && [ "$hg_base" = 0 ] && return
  hg_size=$(wc -c < "out.$1")
  hg_size=$((hg_size + 0))
  hg_skip=$(($2 - hg_base))
  [ $hg_skip -le $hg_size ] || hg_skip=$hg_size
  [ $hg_skip -ge 0 ] || hg_base=$2 hg_skip=0
}
hg_seek 1 "$hg_o1"
hg_s1=$hg_skip hg_b1=$hg_base
hg_seek 2 "$hg_o2"
hg_s2=$hg_skip hg_b2=$hg_base

hg_running= hg_is_stopped=0 hg_unseen=
if [ "$hg_state" = claimed ] && hg_shim_alive; then
  hg_running=1
  if [ "$hg_s_state" = T ] || [ -e stopped ]; then hg_is_stopped=1; fi
  hg_copiers && for hg_c in "$hg_c1" "$hg_c2"; do hg_alive "${hg_c%:*}" "${hg_c#*:}" && [ "$hg_s_state" = T ] && hg_is_stopped=1; done
fi
printf '\036%s begin\n' "$hg_nonce" >&4
hg_say follow "$hg_state" "${hg_pid:--}" "${hg_ticks:--}" "${hg_shim_boot:--}" "$hg_boot" "$hg_b1" "$hg_b2" "$hg_is_stopped" "$hg_dir"

# Whether hg_look may find anything: one process looks for the group's number, and the marker, in all there are. Most
# commands leave nothing behind.
hg_may_be_left() {
  [ "$hg_shim_boot" = "$hg_boot" ] || return 1
  # shellcheck disable=SC2013 # paths below /proc
  for hg_file in $(grep -lszF -e " $hg_pid " -e "HEADGATE_PRODUCER=$hg_id" /proc/[0-9]*/stat /proc/[0-9]*/environ); do
    case $hg_file in "/proc/$hg_pid/"*) ;; *) return 0 ;; esac
  done
  return 1
}

# Tells the other side that the bytes of channel 2 so far are whole: it holds back an end that may be the beginning of a record.
hg_whole_2() { hg_say here >&4; }

# After the end: says how it was, and waits for the end of the output; after a while it says who holds it, and waits on.
hg_after() {
  until hg_exit || ! hg_shim_alive; do hg_nap 0.02; done
  hg_exit || hg_carried
  hg_took=
  [ -e took ] && read -r hg_took < took
  hg_say exit "${hg_code:--}" "${hg_took:--}"
  hg_send_copiers CONT
  if [ -z "$hg_code" ] && [ "$hg_shim_boot" = "$hg_boot" ]; then
    # The shim was killed: no other process continues what was stopped, or ends the input.
    hg_look
    [ -n "$hg_c1" ] || for hg_m in $hg_members; do hg_send CONT "$hg_m"; done
    [ -e in.pid ] && read -r hg_h hg_t hg_rest < in.pid && hg_send KILL "$hg_h:$hg_t"
  fi
  hg_time
  hg_until=$((hg_now + hg_grace))
  if ! hg_copiers; then hg_await_holders; return; fi
  hg_n=0 hg_told=
  until hg_copied; do
    hg_n=$((hg_n + 1))
    # It comes within a millisecond or two: shorter than a process that sleeps.
    [ $hg_n -gt 100 ] || continue
    hg_send_copiers CONT
    hg_time
    if [ -n "$hg_told" ]; then
      hg_nap 1
    elif [ "$hg_now" -lt "$hg_until" ]; then
      hg_nap 0.02
    else
      hg_holders
      if [ -n "$hg_held" ]; then
        hg_told=1
        # shellcheck disable=SC2046,SC2086 # a number and a name for each
        ( set -- $(wc -c out.1 out.2); hg_say held "${1:-0}" "${3:-0}" $hg_held )
        hg_whole_2
      fi
      # Somebody else's process may hold it, who cannot be seen; or nobody is there who would say that it is the end.
      [ -n "$hg_held" ] || hg_until=$((hg_until + 10)) hg_unseen="${hg_unseen}1"
      if [ "$hg_unseen" = 11 ] || ! hg_shim_alive; then return 1; fi
      hg_nap 0.1
    fi
  done
  [ "$hg_k1$hg_k2" = 00 ] || hg_say copied "$hg_k1" "$hg_k2"
}

# The same for a command that writes its files itself: waits a while for processes that hold them.
hg_await_holders() {
  while :; do
    hg_held=
    hg_may_be_left || break
    hg_look
    for hg_m in $hg_members; do hg_holds "${hg_m%:*}" && hg_held="$hg_held ${hg_m%:*}"; done
    hg_time
    if [ -z "$hg_held" ] || [ "$hg_now" -ge "$hg_until" ]; then break; fi
    hg_nap 0.1
  done
  # shellcheck disable=SC2046,SC2086 # a number and a name for each
  [ -z "$hg_held" ] || { set -- $(wc -c out.1 out.2); hg_say held "${1:-0}" "${3:-0}" $hg_held; hg_whole_2; }
  [ -z "$hg_held" ]
}

if [ -z "$hg_running" ]; then
  hg_after
  [ ! -s out.1 ] || tail -c +$((hg_s1 + 1)) out.1
  [ ! -s out.2 ] || tail -c +$((hg_s2 + 1)) out.2 >&4
else
  hg_let_go=
  trap 'hg_let_go=1' USR1
  (
    # Opened for both first, so that opening it for reading does not wait for a writer.
    if [ -p alive ]; then
      # shellcheck disable=SC2094 # a FIFO
      exec 6<> alive 7< alive 6>&-
      read -r hg_rest <&7
    fi
    hg_after
  ) &
  hg_f=$!
  if [ -n "$hg_gnu" ]; then
    tail "--pid=$hg_f" -c +$((hg_s1 + 1)) -f out.1 4>&- 8<&- &
    hg_t1=$!
    tail "--pid=$hg_f" -c +$((hg_s2 + 1)) -f out.2 >&4 4>&- 8<&- &
    hg_t2=$!
  else
    if [ -n "$hg_reads" ]; then
      # bash makes a pipe only for a here-document that is not empty.
      exec 9<<HG_PIPE
.
HG_PIPE
      exec 9<> /proc/self/fd/9
      read -r hg_rest <&9
    fi
    (
      exec 5< out.1 6< out.2
      [ $hg_s1 = 0 ] || hg_skip_to 5 $hg_s1
      [ $hg_s2 = 0 ] || hg_skip_to 6 $hg_s2
      if [ -n "$hg_reads" ]; then hg_follow_reading "$hg_f"; else hg_follow_copying "$hg_f"; fi
    ) 8<&- &
    hg_t1=$! hg_t2=$!
  fi
  # The other side has gone: end all of this; the command goes on.
  (
    while read -r hg_rest; do
      # Not by this process, which is to see the end even while nobody takes what is written.
      # shellcheck disable=SC2046 # a number and a name for each
      ( set -- $(wc -c out.1 out.2); hg_say size "${1:-0}" "${3:-0}" ) &
    done
    # This shell last: what it does not wait for nobody may ever reap.
    kill -USR1 $$
    kill -9 "$hg_f" "$hg_t1" "$hg_t2"
  ) <&8 4>&- &
  hg_w=$!
  # Wakes the tails, which look for the process that they wait for only once a second. Where somebody has the files open it
  # might take away what he writes. It must not make the files again when the folder is being removed.
  if wait "$hg_f" && [ -n "$hg_gnu" ]; then truncate -c -s +0 out.1 out.2; fi
  [ -n "$hg_gnu" ] || [ -z "$hg_reads" ] || echo >&9
  wait "$hg_t1" "$hg_t2"
  kill -9 "$hg_w"
  wait
  [ -z "$hg_let_go" ] || exit 1
fi
set --
# shellcheck disable=SC2046 # a number and a name for each
if [ -s out.1 ] || [ -s out.2 ]; then set -- $(wc -c out.1 out.2); fi
hg_whole_2
hg_say end "${1:-0}" "${3:-0}"
exit 0
