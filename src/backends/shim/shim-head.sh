#!/bin/sh
# How every shim begins: traps, functions and the claim of the folder $1; the second shim on one folder leaves there.
#
# The claim is that of SPEC {#shim_claim}.
# shellcheck disable=SC2034 # what includes it uses them

. ./trapped-signals.sh
# shellcheck disable=SC2086 # a list of words
trap : $HEADGATE_SHIM_TRAPPED
set -C
# What the server was itself started with is nothing to the command.
exec 3<&- 4<&- 5<&- 6<&- 7<&- 8<&- 9<&-

# Start time of process $1 in clock ticks since boot, field 22 of its stat line (the name in field 2 may hold blanks).
headgate_ticks() {
  HEADGATE_SHIM_TICKS=
  read -r HEADGATE_SHIM_STAT < "/proc/$1/stat" || return 1
  # shellcheck disable=SC2086 # fields of /proc/PID/stat
  set -- ${HEADGATE_SHIM_STAT##*) }
  HEADGATE_SHIM_TICKS=${20}
}

# Writes $2 and a newline to $1 however long the disk is full; gives up when the folder is gone.
headgate_publish() {
  until echo "$2" >| "$1"; do
    [ -d "${1%/*}" ] || return 1
    (PATH=$PATH:/usr/bin:/bin; exec sleep 1) 5<&-
  done
}

# Hundredths of a second since boot.
headgate_uptime() {
  HEADGATE_SHIM_NOW=
  read -r HEADGATE_SHIM_NOW HEADGATE_SHIM_STAT < /proc/uptime && HEADGATE_SHIM_NOW=${HEADGATE_SHIM_NOW%.*}${HEADGATE_SHIM_NOW#*.}
}

# A follower on another host has made this FIFO: its reader sees an end of file when this process ends, and then
# only, since nothing that is started below has it open. Before the claim, after which it is read.
HEADGATE_SHIM_FAR=
if [ -p "$1/alive" ]; then
  HEADGATE_SHIM_FAR=1
  exec 5<> "$1/alive"
  headgate_uptime
  HEADGATE_SHIM_FIRST=$HEADGATE_SHIM_NOW
fi

# The claim. O_EXCL: of two shims on one folder the second leaves here, before it has run anything.
headgate_ticks $$
HEADGATE_SHIM_BOOT=-
read -r HEADGATE_SHIM_BOOT < /proc/sys/kernel/random/boot_id
command : > "$1/pid" || exit 0
headgate_publish "$1/pid" "$$ $HEADGATE_SHIM_TICKS $HEADGATE_SHIM_BOOT" || exit 0
