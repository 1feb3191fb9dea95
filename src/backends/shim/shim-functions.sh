#!/bin/sh
# What the shim, the spare and its leader do alike.
# shellcheck disable=SC2034 # what includes it uses them

# Start time of process $1 in clock ticks since boot, field 22 of its stat line (the name in field 2 may hold blanks).
headgate_ticks() {
  HEADGATE_SHIM_TICKS=
  read -r HEADGATE_SHIM_STAT < "/proc/$1/stat" || return 1
  # shellcheck disable=SC2086 # fields of /proc/PID/stat
  set -- ${HEADGATE_SHIM_STAT##*) }
  HEADGATE_SHIM_TICKS=${20}
}

# This process as `pid` has it.
headgate_identify() {
  headgate_ticks $$
  HEADGATE_SHIM_BOOT=-
  read -r HEADGATE_SHIM_BOOT < /proc/sys/kernel/random/boot_id
  HEADGATE_SHIM_SELF="$$ $HEADGATE_SHIM_TICKS $HEADGATE_SHIM_BOOT"
}

# Writes $2 and a newline to $1 however long the disk is full; gives up when the folder is gone.
headgate_publish() {
  until echo "$2" >| "$1"; do
    [ -d "${1%/*}" ] || return 1
    (PATH=/usr/bin:/bin:$PATH; exec sleep 1) 5<&-
  done
}

# Fails with what the command's standard error is told when there is no such program.
headgate_find_program() {
  command -v "$1" > /dev/null 2>&1 && return
  echo "headgate: $1: not found" >&2
  return 1
}
