#!/bin/sh
# Starts shims, so that a large server does not fork for each: sh LAUNCHER SPOOL SETSID (SPEC {#launcher}).
#
# First it says the pid of a process of its own that ends at once: an orphan that no process reaps stays a zombie, as every shim would.
# Then each line of standard input is the name of a producer folder, whose file `launch` ends with the start of its shim. At the end of
# its input, which is the end of the server, it ends. `setsid -f` forks, and not this shell: what a shell starts in the background
# ignores SIGINT and SIGQUIT for good.
#
# A name that begins with a dot is the folder of a spare. Whether this process lives is what the spare sees by the FIFO `go`, whose other end
# is open here until there is another spare.

# shellcheck disable=SC2016 # the other shell's
"$2" -f /bin/sh -c 'echo $$' < /dev/null
exec > /dev/null 2>&1
while IFS= read -r HEADGATE_LAUNCHER_LINE; do
  case $HEADGATE_LAUNCHER_LINE in
    .*)
      (PATH=/usr/bin:/bin:$PATH; cd "$1/$HEADGATE_LAUNCHER_LINE" && exec mkfifo -m 600 go in) || continue
      exec 3<> "$1/$HEADGATE_LAUNCHER_LINE/go"
      ;;
  esac
  # shellcheck disable=SC1090,SC1091 # written by launcher.ts and spare.ts
  (exec 3>&-; . "$1/$HEADGATE_LAUNCHER_LINE/launch") < /dev/null
done
