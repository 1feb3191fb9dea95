#!/bin/sh
# Headgate's warden: sh WARDEN SPOOL. Ends the commands of SPOOL whose server has been gone for longer than they may run without it.
#
# In a session of its own (SPEC {#lifetime_warden}). It sleeps, looks now and then whether the server of the spool lives, and
# ends by itself when there is no such command any more.
#
# Files of the spool, each read only when it is whole: `server`, who serves it, and `warden`, who watches it, as `PID START BOOT`;
# `gone`, since when no server has been there, as `TIME BOOT`. Of a producer folder: `lifetime` in seconds; `expired`, what was
# decided and why, as `SECONDS GONE NOW BOOT`, written before the kill; `ended`, what the kill says. Times are hundredths of a
# second since boot.
#
# SIGCONT wakes it: unlike other signals it does no harm to one that is not listening yet.

. ../remote/library.sh
trap '' HUP INT QUIT TERM PIPE USR1 USR2 TSTP TTIN TTOU
hg_woken= hg_sleeper=
trap 'hg_woken=1; [ -z "$hg_sleeper" ] || kill -9 "$hg_sleeper"' CONT
exec 2> /dev/null 3<&- 4<&- 5<&- 6<&- 7<&- 8<&- 9<&-
cd / || exit 0
hg_kill="$(cat ../remote/kill.sh)"
hg_spool=$1 hg_parent=${1%/*} hg_name=${1##*/}
[ -n "$hg_parent" ] || hg_parent=/
hg_stat $$ || exit 0
hg_self="$$ $hg_s_ticks $hg_boot"

# Whether the spool has this process for its warden.
hg_mine() {
  hg_held=
  read -r hg_held < "$hg_spool/warden"
  [ "$hg_held" = "$hg_self" ]
}

# Its starter writes the claim; when that one was killed before, this process does.
hg_begin() {
  hg_n=0
  while [ -d "$hg_spool" ]; do
    ! hg_mine || return 0
    [ -z "$hg_held" ] || return 1
    [ $hg_n -lt 40 ] || { (set -C; echo "$hg_self" > "$hg_spool/warden") && return 0; return 1; }
    hg_n=$((hg_n + 1))
    hg_nap 0.05
  done
  return 1
}

# Since when there has been no server, into hg_since; empty while there is one.
hg_serves() {
  hg_time
  hg_since= hg_owner= hg_owner_ticks= hg_owner_boot=
  read -r hg_owner hg_owner_ticks hg_owner_boot < "$hg_spool/server"
  if [ -n "$hg_owner_boot" ] && [ "$hg_owner_boot" = "$hg_boot" ] && hg_alive "$hg_owner" "$hg_owner_ticks"; then
    [ ! -e "$hg_spool/gone" ] || rm -f "$hg_spool/gone"
    return
  fi
  hg_owner_boot=
  read -r hg_since hg_owner_boot < "$hg_spool/gone"
  [ "$hg_owner_boot" = "$hg_boot" ] && return
  hg_since=$hg_now
  echo "$hg_now $hg_boot" > "$hg_spool/gone.$$" && mv "$hg_spool/gone.$$" "$hg_spool/gone"
}

# Whether a command runs in folder $1, or is about to.
hg_runs() {
  hg_pid= hg_ticks= hg_shim_boot=
  if [ ! -e "$1/pid" ]; then
    # Prepared and not launched yet.
    [ -z "$hg_since" ] || [ $((hg_now - hg_since)) -lt $((hg_life * 100)) ]
    return
  fi
  read -r hg_pid hg_ticks hg_shim_boot < "$1/pid"
  [ -n "$hg_shim_boot" ] && hg_shim_alive
}

# Looks at every command: hg_some when there is one to watch over, hg_due those whose time is over, hg_next when to look again.
hg_survey() {
  hg_some= hg_due= hg_next=3000
  for hg_file in "$hg_spool"/*/lifetime; do
    hg_dir=${hg_file%/lifetime} hg_life=
    read -r hg_life < "$hg_file" || continue
    case $hg_life in '' | *[!0-9]*) continue ;; esac
    hg_runs "$hg_dir" || continue
    hg_one=${hg_dir##*/}
    case $hg_strange in *" $hg_one "*) continue ;; esac
    hg_some=1
    hg_n=$((hg_life * 10))
    [ $hg_n -ge 100 ] || hg_n=100
    if [ -n "$hg_since" ]; then
      hg_left=$((hg_since + hg_life * 100 - hg_now + 1))
      if [ $hg_left -gt 0 ]; then
        [ $hg_left -ge $hg_n ] || hg_n=$hg_left
      elif [ -n "$hg_pid" ]; then
        hg_due="$hg_due $hg_one"
      fi
    fi
    [ $hg_n -ge $hg_next ] || hg_next=$hg_n
  done
}

# Ends the commands that are due. One of another spool, of which this one is a copy, is left alone.
hg_end() {
  hg_n=0
  for hg_one in $hg_due; do
    hg_pid= hg_life=
    read -r hg_pid hg_rest < "$hg_spool/$hg_one/pid"
    if ! grep -qszxF "HEADGATE_SPOOL=$hg_spool" "/proc/$hg_pid/environ"; then
      hg_strange="$hg_strange$hg_one "
      continue
    fi
    hg_mine && read -r hg_life < "$hg_spool/$hg_one/lifetime" || continue
    [ -e "$hg_spool/$hg_one/expired" ] || echo "$hg_life $hg_since $hg_now $hg_boot" > "$hg_spool/$hg_one/expired"
    sh -c "$hg_kill" sh warden "$hg_parent" "$hg_name" "$hg_one" TERM 200 1 '' >> "$hg_spool/$hg_one/ended" &
    hg_n=$((hg_n + 1))
    [ $((hg_n % 16)) != 0 ] || hg_settle
  done
  hg_settle
}

# Until every kill is over; a signal that wakes us ends a wait.
hg_settle() {
  while :; do
    hg_woken=
    wait
    [ -n "$hg_woken" ] || break
  done
}

hg_sleep() {
  sleep "$((($1 + 99) / 100))" &
  hg_sleeper=$!
  [ -z "$hg_woken" ] || kill -9 "$hg_sleeper"
  wait "$hg_sleeper"
  hg_sleeper=
}

hg_watch() {
  hg_begin || return 0
  hg_strange=' '
  while hg_mine; do
    hg_woken=
    hg_serves
    hg_survey
    if [ -n "$hg_due" ]; then
      hg_end
      hg_time
      hg_survey
    fi
    if [ -z "$hg_some" ]; then
      # A server that starts a command now sees that no warden watches, or is seen.
      rm -f "$hg_spool/warden"
      hg_survey
      [ -n "$hg_some" ] || return 0
      (set -C; echo "$hg_self" > "$hg_spool/warden") || return 0
      continue
    fi
    hg_sleep "$hg_next"
  done
}
hg_watch
exit 0
