#!/bin/sh
# How every shim begins, before it has a command: traps, descriptors, functions.

. ./trapped-signals.sh
# shellcheck disable=SC2086 # a list of words
trap : $HEADGATE_SHIM_TRAPPED
set -C
# What the server was itself started with is nothing to the command.
exec 3<&- 4<&- 5<&- 6<&- 7<&- 8<&- 9<&-
. ./shim-functions.sh
