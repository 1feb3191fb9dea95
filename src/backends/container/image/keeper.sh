#!/bin/sh
# Process 1 of a container of ours: FOLDER SECONDS, FOLDER the producer folder of the command.
#
# A run in the container makes and starts the command. This takes the orphans in, hands signals of `docker stop` and `docker kill` on
# to the command's group, and when the command has ended it stays for SECONDS, so that the rest of the output can be read;
# then it ends with the command's exit code.

hg_dir=$1 hg_left=$2 hg_stop=
# shellcheck disable=SC2317 # a trap calls it
hg_signal() {
  case $1 in HUP | INT | QUIT | TERM) hg_stop=1 ;; esac
  hg_pid=
  for hg_file in "$hg_dir/main" "$hg_dir/pid"; do [ -z "$hg_pid" ] && [ -e "$hg_file" ] && read -r hg_pid hg_rest < "$hg_file"; done
  case $hg_pid in '' | barred) ;; *) kill "-$1" "-$hg_pid" ;; esac
}
# shellcheck disable=SC2064 # each trap has its own name
for hg_name in HUP INT QUIT TERM USR1 USR2; do trap "hg_signal $hg_name" "$hg_name"; done
exec < /dev/null > /dev/null 2>&1
PATH=$PATH:/usr/bin:/bin
# In the background: a signal is acted upon at once only while the shell waits.
hg_nap() { (exec sleep "$1") & wait $!; }

until [ -s "$hg_dir/pid" ]; do
  [ -z "$hg_stop" ] || exit 143
  hg_nap 0.1 || hg_nap 1
done
# The shim alone has it open for writing; opened for both first, so that this does not wait for one that has ended.
# shellcheck disable=SC2094,SC2034 # a FIFO, of which only the end is of interest
(exec 6<> "$hg_dir/alive" 7< "$hg_dir/alive" 6>&-; read -r hg_rest <&7) &
hg_wait=$!
while kill -0 $hg_wait; do wait $hg_wait; done
hg_code=137
[ -e "$hg_dir/exit" ] && read -r hg_code < "$hg_dir/exit"
while [ -z "$hg_stop" ] && [ "$hg_left" -gt 0 ]; do
  hg_left=$((hg_left - 1))
  hg_nap 1
done
exit "$hg_code"
