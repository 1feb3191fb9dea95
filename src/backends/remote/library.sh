#!/bin/sh
# Functions that the programs for a shell host share. They are started with the nonce as $1.
#
# What the programs say to us is a record, RS NONCE BLANK WORDS LF, since the output of a login shell's start-up files, and
# that of the command, come on the same streams (record-splitter.ts). dash, bash and busybox ash run them.
#
# Their variables begin with hg_: the host's environment may have others that a command is to inherit unchanged.
# shellcheck disable=SC2034,SC2154 # what includes it uses them, and sets hg_id

hg_umask=$(umask)
umask 077
hg_here=$PWD
hg_path=$PATH
PATH=$PATH:/usr/local/bin:/usr/bin:/bin
hg_nonce=$1
hg_say() { printf '\036%s %s\n' "$hg_nonce" "$*"; }
# A refusal leaves nothing behind, not even the folder that was made to look into.
hg_own=
hg_fail() { [ -z "$hg_own" ] || rmdir "$hg_own" 2> /dev/null; hg_say fail "$@"; exit 0; }
hg_nap() { sleep "$1" 2> /dev/null || sleep 1; }
hg_boot=-
read -r hg_boot < /proc/sys/kernel/random/boot_id 2> /dev/null

# Hundredths of a second since boot, into hg_now.
hg_time() { read -r hg_now hg_rest < /proc/uptime && hg_now=${hg_now%.*}${hg_now#*.}; }

# Folder of this runner's producers, into hg_spool: below $1, or else where such things are kept on this host; $2 names the runner.
# Only with $3 is that place made: who merely looks may come after the last producer has gone, and leaves nothing behind.
hg_find_spool() {
  hg_root=$1 hg_given=$1
  if [ -z "$hg_root" ]; then
    if [ -n "$XDG_STATE_HOME" ]; then hg_root=$XDG_STATE_HOME/headgate; else hg_root=${HOME:-/nonexistent}/.headgate; fi
    [ -z "$3" ] || mkdir -p "$hg_root" 2> /dev/null
    if [ ! -w "$hg_root" ]; then
      hg_root=${TMPDIR:-/tmp}/headgate-$(id -u)
      [ -z "$3" ] || mkdir -p "$hg_root" 2> /dev/null
      if [ -n "$3" ] || [ -e "$hg_root" ]; then
        [ -O "$hg_root" ] && [ ! -L "$hg_root" ] || hg_fail no_folder "$hg_root"
      fi
    fi
    [ -z "$3" ] || hg_own=$hg_root
  fi
  hg_spool=$hg_root/$2
}

# Removes the folder of producer $1, and those around it when nothing else is in them.
hg_remove() {
  cd / && rm -rf "${hg_spool:?}/${1:?}"
  rmdir "$hg_spool" 2> /dev/null
  [ -n "$hg_given" ] || rmdir "$hg_root" 2> /dev/null
  [ ! -e "$hg_spool/$1" ]
}

# Who runs the command, from the file pid: hg_state (absent, incomplete, barred, claimed), hg_pid, hg_ticks, hg_shim_boot.
hg_claim() {
  hg_state=absent hg_pid= hg_ticks= hg_shim_boot=
  [ -e pid ] || return 1
  hg_state=incomplete
  read -r hg_pid hg_ticks hg_shim_boot < pid || return 1
  if [ "$hg_pid" = barred ]; then hg_state=barred; return 1; fi
  [ -n "$hg_shim_boot" ] && hg_state=claimed
}

# Reads process $1: hg_s_state, hg_s_parent, hg_s_group, hg_s_session, hg_s_ticks (proc(5); the name may hold blanks).
hg_stat() {
  { read -r hg_line < "/proc/$1/stat"; } 2> /dev/null || return 1
  # shellcheck disable=SC2086 # fields of /proc/PID/stat
  set -- ${hg_line##*) }
  hg_s_state=$1 hg_s_parent=$2 hg_s_group=$3 hg_s_session=$4 hg_s_ticks=${20}
}

# Whether process $1 that began at $2 is there; a zombie is not.
hg_alive() { hg_stat "$1" && [ "$hg_s_ticks" = "$2" ] && case $hg_s_state in Z | X) false ;; esac; }

# Who leads the command's group, into hg_main: its first process, or the shim where the command is in that one's
# group. Fails when a signal cannot go to that group: its leader is gone, or it is a shim that does not outlive the signal ($1 is not 1).
hg_leader() {
  hg_main=
  if [ -e main ] && read -r hg_main hg_main_ticks hg_rest < main && [ -n "$hg_rest" ]; then
    [ "$hg_rest" = "$hg_boot" ] && hg_stat "$hg_main" && [ "$hg_s_ticks" = "$hg_main_ticks" ]
  else
    hg_main=$hg_pid
    [ "$1" = 1 ] && hg_shim_alive
  fi
}

# The published exit code, into hg_code; fails while there is none.
hg_exit() { hg_code= && [ -e exit ] && read -r hg_code < ./exit; }

hg_shim_alive() { [ "$hg_shim_boot" = "$hg_boot" ] && hg_alive "$hg_pid" "$hg_ticks"; }

# Signals process $2:$3 (pid:ticks), unless another one has its number by now.
hg_send() { hg_alive "${2%:*}" "${2#*:}" && kill -s "$1" "${2%:*}" 2> /dev/null; }

# Waits, for two seconds at most, until the copiers of a shim that was killed have written all of the output.
hg_carried() {
  [ -e pipe ] && read -r hg_line hg_rest < pipe || return 0
  hg_n=0
  while [ $hg_n -lt 100 ] && hg_alive "$hg_line" "${hg_rest% *}" && ! hg_exit; do
    hg_n=$((hg_n + 1))
    hg_nap 0.02
  done
}

# Who copies the output, into hg_c1 and hg_c2 as pid:ticks words; fails where the command writes the files itself.
hg_copiers() {
  hg_c1= hg_c2=
  [ -e copiers ] && read -r hg_c1 hg_ct1 hg_c2 hg_ct2 hg_rest < copiers && [ -n "$hg_rest" ] || { hg_c1= hg_c2=; return 1; }
  hg_c1=$hg_c1:$hg_ct1 hg_c2=$hg_c2:$hg_ct2
}

# Sends a signal to the copiers, which holds the command back or lets it go on.
hg_send_copiers() { hg_copiers && for hg_c in "$hg_c1" "$hg_c2"; do hg_send "$1" "$hg_c"; done; }

# Whether the output has come to its end: the shim says so, or it and the copiers are gone.
hg_copied() {
  [ ! -e eof ] || { read -r hg_k1 hg_k2 < eof && return 0; }
  if hg_shim_alive || hg_alive "${hg_c1%:*}" "${hg_c1#*:}" || hg_alive "${hg_c2%:*}" "${hg_c2#*:}"; then return 1; fi
  hg_k1=0 hg_k2=0
  [ ! -e eof ] || read -r hg_k1 hg_k2 < eof
  return 0
}

hg_holds() {
  if [ -n "$hg_c1" ]; then hg_f1=/proc/${hg_c1%:*}/fd/0 hg_f2=/proc/${hg_c2%:*}/fd/0; else hg_f1=out.1 hg_f2=out.2; fi
  for hg_fd in "/proc/$1/fd/"*; do
    if [ "$hg_fd" -ef "$hg_f1" ] || [ "$hg_fd" -ef "$hg_f2" ]; then return 0; fi
  done
  return 1
}

# Every process that holds the output and began after the shim, into hg_held.
hg_holders() {
  hg_held=
  for hg_p in /proc/[0-9]*; do
    hg_p=${hg_p#/proc/}
    case " $hg_pid ${hg_c1%:*} ${hg_c2%:*} " in *" $hg_p "*) continue ;; esac
    hg_stat "$hg_p" && [ "$hg_s_ticks" -ge "$hg_ticks" ] 2> /dev/null && hg_holds "$hg_p" && hg_held="$hg_held $hg_p"
  done
}

# Signals every process of the command once, also those that it forks meanwhile.
hg_each() {
  hg_reached=' '
  while :; do
    hg_look
    hg_fresh=
    for hg_m in $hg_members; do
      case $hg_reached in *" $hg_m "*) continue ;; esac
      hg_fresh=1
      hg_reached="$hg_reached$hg_m "
      hg_send "$1" "$hg_m"
    done
    [ -n "$hg_fresh" ] || break
  done
}

# Lets the relay of a terminal go on, which stops when the leader of its session does.
hg_wake_relay() { [ -z "$hg_relay" ] || { hg_alive "$hg_relay_pid" "${hg_relay#*:}" && [ "$hg_s_state" = T ] && hg_send CONT "$hg_relay"; }; }

# Processes of the command, into hg_members as pid:ticks words: its group and session, all their descendants, and whatever
# carries the marker; the shim, the holder of its input, the copiers and the relay of its terminal are left out (SPEC {#kill_tree}).
hg_look() {
  hg_members=' ' hg_others= hg_grouped=' ' hg_stopped=' ' hg_relay= hg_relay_pid=
  hg_term=
  [ -e terminal ] && hg_term=1
  [ "$hg_state" = claimed ] && [ "$hg_shim_boot" = "$hg_boot" ] || return 0
  hg_holder=
  [ -e in.pid ] && read -r hg_holder hg_rest < in.pid
  hg_copiers
  hg_marked=' '
  # shellcheck disable=SC2013,SC2046 # paths below /proc
  for hg_file in $(grep -lszxF "HEADGATE_PRODUCER=$hg_id" $(grep -lszxF "HEADGATE_SPOOL=$hg_spool" /proc/[0-9]*/environ /dev/null) /dev/null); do
    hg_file=${hg_file#/proc/}
    hg_marked="$hg_marked${hg_file%%/*} "
  done
  # No other session has its number while its leader is there, zombie or not.
  hg_owned=' '
  hg_stat "$hg_pid" && [ "$hg_s_ticks" = "$hg_ticks" ] && hg_owned=" $hg_pid "
  hg_leader 1 && hg_owned="$hg_owned$hg_main "
  for hg_p in /proc/[0-9]*; do
    hg_p=${hg_p#/proc/}
    hg_stat "$hg_p" || continue
    case $hg_s_state in Z | X) continue ;; esac
    [ "$hg_s_ticks" -ge "$hg_ticks" ] 2> /dev/null && [ "$hg_p" != "$hg_pid" ] && [ "$hg_p" != "$hg_holder" ] || continue
    case "$hg_p:$hg_s_ticks" in "$hg_c1" | "$hg_c2") continue ;; esac
    # What relays a terminal has the rest of the output to deliver, and ends when the command does.
    if [ -n "$hg_term" ] && [ "$hg_s_parent" = "$hg_pid" ] && [ "$hg_s_group" = "$hg_pid" ]; then
      hg_relay=$hg_p:$hg_s_ticks hg_relay_pid=$hg_p
      continue
    fi
    hg_near=
    case " $hg_s_session $hg_s_group " in *" $hg_pid "* | *" $hg_main "*) hg_near=1 ;; esac
    case "$hg_owned" in *" $hg_s_session "* | *" $hg_s_group "*) hg_near=2 ;; esac
    case $hg_marked in *" $hg_p "*) hg_near=2 ;; esac
    [ "$hg_s_group" = "$hg_main" ] && hg_grouped="$hg_grouped$hg_p:$hg_s_ticks "
    [ "$hg_s_state" = T ] && hg_stopped="$hg_stopped$hg_p:$hg_s_ticks "
    if [ "$hg_near" = 2 ] || { [ -n "$hg_near" ] && hg_holds "$hg_p"; }; then
      hg_members="$hg_members$hg_p:$hg_s_ticks "
    else
      hg_others="$hg_others $hg_p:$hg_s_ticks:$hg_s_parent"
    fi
  done
  # Children that took another session and another environment. Again while it grows: a child may stand before its parent.
  hg_size=
  while [ "$hg_size" != "${#hg_members}" ]; do
    hg_size=${#hg_members}
    for hg_o in $hg_others; do
      hg_one=${hg_o%:*}
      case $hg_members in
        *" $hg_one "*) ;;
        *" ${hg_o##*:}:"*) hg_members="$hg_members$hg_one " ;;
        *) [ "${hg_o##*:}" != "$hg_relay_pid" ] || hg_members="$hg_members$hg_one " ;;
      esac
    done
  done
}
