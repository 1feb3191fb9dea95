#!/bin/sh
# Functions of follow.sh, for where tail is not woken by the kernel.
#
# They run in a process of their own with out.1 open as 5, out.2 as 6 and as 9 a pipe from which nothing comes while the
# command runs. No other follower has that pipe: busybox waits for input first and then reads, without end where another
# reader was faster.
#
# Between a line and its delivery no process is started where the shell reads with a limit and a timeout, as busybox and bash
# do: what is there is read by the shell itself, at most 512 bytes at once. It cannot hold a NUL, so how far it read is
# looked up, and unless that is exactly what it has in its hands, `cat` reads the same place again. Where output comes
# faster than that, `cat` takes the rest.
# shellcheck disable=SC2034,SC3045 # what includes it uses hg_reads, and read takes -n and -t where that is set

# A line of 37 bytes, and what is given without its end is no shell whose read ends where it says. Nor is one whose
# here-document is no pipe.
hg_reads=
IFS= read -r -t 0.001 -n 512 hg_line < /proc/sys/kernel/random/boot_id && [ "${#hg_line}" = 36 ] && [ -p /proc/self/fd/0 ] <<HG_PIPE && hg_reads=1
.
HG_PIPE

# Position of the open file $1, into hg_at.
hg_where() { read -r hg_rest hg_at < "/proc/self/fdinfo/$1"; }

# Puts the open file $1 at position $2 > 0.
hg_skip_to() { dd bs=1 count=0 "skip=$2" <&"$1"; }

# Writes something of what is new in file $1, which was read up to $2; fails when nothing is. The new position is in hg_at.
hg_take() {
  hg_line=
  IFS= read -r -n 512 hg_line <&"$1"
  hg_code=$?
  hg_where "$1"
  hg_got=$((hg_at - $2))
  [ $hg_got != 0 ] || return 1
  if [ $hg_code = 0 ] && [ $hg_got -lt 512 ] && [ $hg_got = $((${#hg_line} + 1)) ]; then
    printf '%s\n' "$hg_line"
  elif [ $hg_got = ${#hg_line} ] && { [ $hg_code != 0 ] || [ $hg_got = 512 ]; }; then
    printf '%s' "$hg_line"
  else
    case $1 in
      5) exec 5< out.1 ;;
      6) exec 6< out.2 ;;
    esac
    [ "$2" = 0 ] || hg_skip_to "$1" "$2"
    cat <&"$1"
    hg_where "$1"
    return 0
  fi
  if [ -n "$hg_burst" ]; then
    cat <&"$1"
    hg_where "$1"
  fi
}

# Until the process $1 is gone and all is written. A wait for the next look is a millisecond for a while after output.
hg_follow_reading() {
  LC_ALL=C
  hg_where 5
  hg_p1=$hg_at
  hg_where 6
  hg_p2=$hg_at hg_burst= hg_quiet=0
  while :; do
    hg_last= hg_any=
    kill -0 "$1" || hg_last=1 hg_burst=1
    if hg_take 5 "$hg_p1"; then hg_p1=$hg_at hg_any=1; fi
    if hg_take 6 "$hg_p2" >&4; then hg_p2=$hg_at hg_any=1; fi
    [ -z "$hg_last" ] || return 0
    hg_burst=$hg_any
    if [ -n "$hg_any" ]; then
      hg_quiet=0
      continue
    fi
    hg_quiet=$((hg_quiet + 1))
    if [ $hg_quiet -lt 300 ]; then hg_pause=0.001
    elif [ $hg_quiet -lt 400 ]; then hg_pause=0.005
    else hg_pause=0.02
    fi
    read -r -t $hg_pause hg_rest <&9
  done
}

# The same with cat alone, in pauses that grow.
hg_follow_copying() {
  hg_before= hg_pause=0.01
  while :; do
    hg_last=
    kill -0 "$1" || hg_last=1
    cat <&5
    cat <&6 >&4
    [ -z "$hg_last" ] || return 0
    hg_where 5
    hg_p1=$hg_at
    hg_where 6
    if [ "$hg_before" != "$hg_p1 $hg_at" ]; then
      hg_before="$hg_p1 $hg_at" hg_pause=0.01
    else
      case $hg_pause in 0.01) hg_pause=0.02 ;; 0.02) hg_pause=0.05 ;; 0.05) hg_pause=0.1 ;; *) hg_pause=0.2 ;; esac
    fi
    hg_nap $hg_pause
  done
}
