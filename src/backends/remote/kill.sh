#!/bin/sh
# Ends a producer's tree: NONCE ROOT RUNNER ID SIGNAL GRACE TRAPPED AGAIN.
#
# What process/kill.ts does on this host (SPEC {#kill_tree}). SIGNAL without SIG, GRACE in hundredths of a second, TRAPPED 1
# when the shim lives through the signal, AGAIN 1 after a lost link: then what the run before did is told too. A file
# `kill.now` in the folder ends the grace period.
#
# Records: `signal NAME TIME PIDS`, `dead PIDS`, `escaped PIDS`, and at last `done TIME`, or `barred` when the
# command never ran and never will. Times are hundredths of a second since boot.

. ./library.sh
# It goes on when the link is lost half-way.
trap '' PIPE HUP
exec 2> /dev/null
hg_id=$4 hg_signal=$5 hg_grace=$6 hg_trapped=$7 hg_again=$8
hg_find_spool "$2" "$3" 1
mkdir -p "$hg_spool/$hg_id" && cd "$hg_spool/$hg_id" || hg_fail no_folder "$hg_spool/$hg_id"
# The first claim decides: a shim that comes later leaves without having run the command.
if (set -C; echo barred > pid); then
  hg_say barred
  exit 0
fi
hg_n=0
until hg_claim; do
  if [ "$hg_state" = barred ] || [ $hg_n -ge 100 ]; then
    hg_say barred
    exit 0
  fi
  hg_n=$((hg_n + 1))
  hg_nap 0.02
done
[ -z "$hg_again" ] || [ ! -e kill.log ] || while read -r hg_line; do hg_say "$hg_line"; done < kill.log

hg_seen=' ' hg_signalled=
hg_scan() {
  hg_look
  for hg_m in $hg_members; do case $hg_seen in *" $hg_m "*) ;; *) hg_seen="$hg_seen$hg_m " ;; esac; done
}
# Tells, and notes for a run after a lost link, that signal $1 went to the processes $2...
hg_record() {
  [ $# -gt 1 ] || return 0
  hg_signalled=1
  hg_time
  hg_name=$1
  shift
  hg_say signal "$hg_name" "$hg_now" "$@"
  echo "signal $hg_name $hg_now $*" >> kill.log
}
# A stopped process acts on the signal only when it goes on; the shim too, when the whole group was stopped.
hg_wake() {
  hg_shim_alive && [ "$hg_s_state" = T ] && hg_send CONT "$hg_pid:$hg_ticks"
  hg_send_copiers CONT
  hg_woken=
  for hg_m in $hg_members; do
    case $hg_stopped in *" $hg_m "*) hg_send CONT "$hg_m" && hg_woken="$hg_woken ${hg_m%:*}" ;; esac
  done
  # shellcheck disable=SC2086 # a list of words
  hg_record CONT $hg_woken
  hg_wake_relay
}
# Without `--`, which busybox takes for a number: it signals and fails all the same.
# The group at once, so that none of it forks away in between; those outside of it one by one.
hg_first() {
  hg_at_once= hg_sent= hg_groups=' '
  if [ -n "$hg_term" ]; then
    for hg_m in $hg_members; do
      hg_alive "${hg_m%:*}" "${hg_m#*:}" || continue
      case $hg_trapped$hg_groups in
        1*" $hg_s_group "*) ;;
        1*) kill "-$hg_signal" "-$hg_s_group" && hg_groups="$hg_groups$hg_s_group " ;;
        *) hg_send "$hg_signal" "$hg_m" || continue ;;
      esac
      hg_sent="$hg_sent ${hg_m%:*}"
    done
    # shellcheck disable=SC2086 # a list of words
    hg_record "$hg_signal" $hg_sent
    [ "$hg_signal" = STOP ] || hg_wake
    return
  fi
  hg_leader "$hg_trapped" && kill "-$hg_signal" "-$hg_main" && hg_at_once=1
  for hg_m in $hg_members; do
    case $hg_at_once$hg_grouped in
      1*" $hg_m "*) hg_sent="$hg_sent ${hg_m%:*}" ;;
      *) hg_send "$hg_signal" "$hg_m" && hg_sent="$hg_sent ${hg_m%:*}" ;;
    esac
  done
  # shellcheck disable=SC2086 # a list of words
  hg_record "$hg_signal" $hg_sent
  [ "$hg_signal" = STOP ] || hg_wake
}
hg_left() {
  for hg_m in $hg_seen; do hg_alive "${hg_m%:*}" "${hg_m#*:}" && return 0; done
  return 1
}
# SIGKILL to all but the shim, which has the exit code to publish, until a look at all processes finds none.
hg_force() {
  hg_time
  hg_giveup=$((hg_now + 300))
  # Also those that nothing ties to the command any more since the leader of their group has gone.
  while hg_scan; hg_left; do
    hg_sent=
    for hg_m in $hg_seen; do hg_send KILL "$hg_m" && hg_sent="$hg_sent ${hg_m%:*}"; done
    # shellcheck disable=SC2086 # a list of words
    hg_record KILL $hg_sent
    hg_time
    [ "$hg_now" -lt "$hg_giveup" ] || return 0
    hg_nap 0.01
  done
}

hg_send_copiers CONT
hg_scan
if [ "$hg_signal" != KILL ]; then
  hg_first
  hg_time
  hg_deadline=$((hg_now + hg_grace + 1))
  hg_scan_at=$((hg_now + 10))
  while hg_time && [ "$hg_now" -lt "$hg_deadline" ] && [ ! -e kill.now ]; do
    if ! hg_left || [ "$hg_now" -ge "$hg_scan_at" ]; then
      hg_scan
      if [ "$hg_members" = ' ' ]; then
        hg_shim_alive || break
      elif [ -z "$hg_signalled" ]; then
        # The shim was still about to start the command when the signal came, and swallowed it.
        hg_first
      elif [ "$hg_signal" != STOP ]; then
        # A stop that was asked for just before the kill shows only now.
        hg_wake
      fi
      hg_scan_at=$((hg_now + 10))
    fi
    hg_nap 0.01
  done
fi
hg_force
hg_time
hg_giveup=$((hg_now + 100))
while hg_shim_alive; do
  [ "$hg_s_state" != T ] || hg_send CONT "$hg_pid:$hg_ticks"
  hg_wake_relay
  hg_time
  if [ "$hg_now" -ge "$hg_giveup" ]; then
    # It waits for the end of an output that an escaped process holds.
    ! hg_exit || break
    hg_send KILL "$hg_pid:$hg_ticks"
    hg_force
    break
  fi
  hg_nap 0.01
done
hg_dead= hg_escaped=
for hg_m in $hg_seen; do
  if hg_alive "${hg_m%:*}" "${hg_m#*:}"; then hg_escaped="$hg_escaped ${hg_m%:*}"; else hg_dead="$hg_dead ${hg_m%:*}"; fi
done
rm -f kill.now
echo "dead$hg_dead" >> kill.log
hg_time
# shellcheck disable=SC2086 # a list of words
hg_say dead $hg_dead
# shellcheck disable=SC2086 # a list of words
hg_say escaped $hg_escaped
hg_say 'done' "$hg_now"
exit 0
