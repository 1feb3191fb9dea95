#!/bin/sh
# What was written last, into hg_at, hg_from, hg_digest and hg_unsure, and who this is, into hg_me; waits for a run before it that is still writing.
# shellcheck disable=SC2034,SC2154 # what includes it uses them, and has library.sh

hg_at=0 hg_from=0 hg_digest=- hg_unsure= hg_n=0
while [ -e in.last ]; do
  if read -r hg_at hg_how hg_p hg_t hg_from hg_digest < in.last; then
    [ "$hg_how" = begun ] || break
    if ! hg_alive "$hg_p" "$hg_t"; then
      # Written between the two looks, perhaps.
      read -r hg_at hg_how hg_p hg_t hg_from hg_digest < in.last
      [ "$hg_how" = begun ] && hg_unsure=unsure
      break
    fi
  else
    hg_n=$((hg_n + 1))
    if [ $hg_n -ge 20 ]; then hg_at=0 hg_from=0 hg_digest=- hg_unsure=unsure; break; fi
  fi
  hg_nap 0.05
done
# As an earlier version wrote it, without the last two.
hg_from=${hg_from:-0} hg_digest=${hg_digest:--}
hg_stat $$
hg_me="$$ $hg_s_ticks"
