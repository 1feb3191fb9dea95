#!/bin/sh
# How a shim begins that has a command: traps, functions and the claim of the folder $1; the second shim on one folder leaves there.
#
# The claim is that of SPEC {#shim_claim}.
# shellcheck disable=SC2034 # what includes it uses them

. ./shim-begin.sh

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
headgate_identify
command : > "$1/pid" || exit 0
headgate_publish "$1/pid" "$HEADGATE_SHIM_SELF" || exit 0
