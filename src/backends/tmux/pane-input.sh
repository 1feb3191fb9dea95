#!/bin/sh
# Types into the pane of a producer: NONCE ROOT RUNNER ID.
#
# As remote/input.sh, with tmux instead of the FIFO, so no process has to read for it.

. ./pane-head.sh
trap '' PIPE HUP
hg_over() { hg_say ended; exit 0; }
hg_find_pane || hg_over
[ ! -e in.ended ] || hg_over
. ../remote/last-input.sh
# From tmux 3.7 on, control characters are changed unless it is told not to.
# shellcheck disable=SC2046 # two numbers
set -- $(tmux -V | sed -n 's/^[^0-9]*\([0-9][0-9]*\)\.\([0-9][0-9]*\).*/\1 \2/p')
hg_exact=
if [ "${1:-99}" -gt 3 ] || { [ "$1" = 3 ] && [ "$2" -ge 7 ]; }; then hg_exact=-S; fi
hg_type() {
  if hg_exit || ! hg_shim_alive; then return 1; fi
  printf %b "$1" | tmux -S "$hg_socket" load-buffer -b "headgate-$hg_id" - \; paste-buffer -d -r $hg_exact -b "headgate-$hg_id" -t "$hg_pane"
}
hg_say ready "$hg_at" "$hg_from" "$hg_digest" $hg_unsure
while IFS= read -r hg_line; do
  case $hg_line in
    w*)
      hg_at=${hg_line#w} hg_from=${hg_line#* } hg_digest=${hg_line#* * }
      hg_at=${hg_at%% *} hg_from=${hg_from%% *} hg_digest=${hg_digest%% *}
      echo "$hg_at begun $hg_me $hg_from $hg_digest" >| in.last
      hg_type "${hg_line#w* * * }" || hg_over
      echo "$hg_at done - - $hg_from $hg_digest" >| in.last
      hg_say taken "$hg_at"
      ;;
    x*)
      hg_type "${hg_line#x}" || hg_over
      true > in.ended
      hg_say closed
      exit 0
      ;;
  esac
done
exit 0
