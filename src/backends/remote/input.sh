#!/bin/sh
# Writes to a producer's standard input: NONCE ROOT RUNNER ID.
#
# Its own standard input brings lines: `wAT FROM DIGEST ` and `printf %b` text to write, or `x`, which ends the producer's input: with text,
# by typing that on its terminal. A line that was cut off is not carried out.
#
# Records: `ready AT FROM DIGEST` when lines may come; `taken AT` when a `w` has been written whole;
# `closed`; `ended` when the command, or its input, has ended. AT is how many bytes were written with that line, FROM and DIGEST are for
# who sends it. They are kept in the file in.last, so that after a lost link
# the next run says what has been written. It waits for a run before it that is still writing, since the command does not
# read. `ready AT FROM DIGEST unsure` when that run was killed while it wrote.

. ./library.sh
trap '' PIPE HUP
exec 2> /dev/null
hg_id=$4
hg_find_spool "$2" "$3"
hg_over() { hg_say ended; exit 0; }
cd "$hg_spool/$hg_id" || hg_over
hg_h=
until [ -e in.pid ] && read -r hg_h hg_h_ticks hg_rest < in.pid; do
  hg_claim
  if [ -e exit ] || [ "$hg_state" = barred ]; then hg_over; fi
  hg_nap 0.02
done
hg_exit && hg_over
[ ! -e in.ended ] || hg_over
hg_alive "$hg_h" "$hg_h_ticks" || hg_over
. ./last-input.sh
# Opened for both first, so that opening it for writing does not wait for a reader.
# shellcheck disable=SC2094 # a FIFO
exec 6<> in 5> in 6>&-
hg_say ready "$hg_at" "$hg_from" "$hg_digest" $hg_unsure
while IFS= read -r hg_line; do
  case $hg_line in
    w*)
      hg_at=${hg_line#w} hg_from=${hg_line#* } hg_digest=${hg_line#* * }
      hg_at=${hg_at%% *} hg_from=${hg_from%% *} hg_digest=${hg_digest%% *}
      echo "$hg_at begun $hg_me $hg_from $hg_digest" >| in.last
      printf %b "${hg_line#w* * * }" >&5 || hg_over
      echo "$hg_at done - - $hg_from $hg_digest" >| in.last
      hg_say taken "$hg_at"
      ;;
    x?*)
      # The FIFO stays open: the relay of the terminal would type an end of its own.
      printf %b "${hg_line#x}" >&5 || hg_over
      true > in.ended
      hg_say closed
      exit 0
      ;;
    x)
      exec 5>&-
      hg_send KILL "$hg_h:$hg_h_ticks"
      hg_say closed
      exit 0
      ;;
  esac
done
exit 0
