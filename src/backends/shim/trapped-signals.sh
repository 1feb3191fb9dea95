#!/bin/sh
# Signals that the shim traps: TRAPPED_SIGNALS of shim-text.ts.
#
# Another signal to the group would end the shim too, where the two are in one group: in a terminal.
# shellcheck disable=SC2034 # what includes it uses them

HEADGATE_SHIM_TRAPPED='HUP INT QUIT ABRT ALRM PIPE TERM USR1 USR2 TSTP TTIN TTOU'
