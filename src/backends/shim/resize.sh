#!/bin/sh
# Sets the size of a producer's terminal: FOLDER ROWS COLS [WIDTH HEIGHT], the last two in pixels.
#
# Before there is a terminal the size is kept for it. Exit code 2: the terminal is gone, since the command has ended.

. ./find-terminal.sh
. ./window-size.sh
PATH=$PATH:/usr/bin:/bin
HEADGATE_TTY_FOLDER=$1
shift
echo "$*" > "$HEADGATE_TTY_FOLDER/size" || exit 1
headgate_find "$HEADGATE_TTY_FOLDER"
case $? in 1) exit 0 ;; 2) exit 2 ;; esac
headgate_pixels "$@" < "$HEADGATE_TTY" || exec stty -F "$HEADGATE_TTY" rows "$1" cols "$2"
