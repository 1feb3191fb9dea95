#!/bin/sh
# Prints in one line why there can be no terminal on this host, and how to get it; nothing when there can be one.

PATH=$PATH:/usr/bin:/bin
if ! command -v script > /dev/null || ! command -v stty > /dev/null || ! command -v tty > /dev/null; then
  echo 'a terminal needs the programs script, stty and tty; install util-linux and coreutils (Debian: bsdutils and coreutils)'
elif ! script --help 2> /dev/null | grep -q -e --echo; then
  echo 'a terminal needs script of util-linux 2.35 or later, and this is another one; install util-linux (Debian: bsdutils)'
fi
