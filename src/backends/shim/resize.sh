#!/bin/sh
# Sets the size of a producer's terminal: FOLDER ROWS COLS.
#
# Before there is a terminal the size is kept for it. Exit code 2: the terminal is gone, since the command has ended.

. ./find-terminal.sh
PATH=$PATH:/usr/bin:/bin
echo "$2 $3" > "$1/size" || exit 1
headgate_find "$1"
case $? in 1) exit 0 ;; 2) exit 2 ;; esac
exec stty -F "$HEADGATE_TTY" rows "$2" cols "$3"
