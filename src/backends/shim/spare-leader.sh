# Becomes the command of a spare: SHIM COPIERS INPUT, as files of the folder have them; reads fd 3, 4 and 5 are the command's standard error and output.
#
# What comes is in FOLDER/launch: it sets HEADGATE_SHIM_FOLDER, goes to the command's folder, sets its environment and its words.

. ./shim-functions.sh
set -C
HEADGATE_SHIM_SELF=$1 HEADGATE_SHIM_COPIERS=$2 HEADGATE_SHIM_INPUT=$3
headgate_ticks $$
HEADGATE_SHIM_MAIN="$$ $HEADGATE_SHIM_TICKS ${1##* }"
echo > ready
read -r HEADGATE_SHIM_STAT <&3 && kill -0 "${1%% *}" || exit 0
exec 3<&-
# A helper that was killed meanwhile would cost the command its output, or its input.
# shellcheck disable=SC2086 # numbers
set -- $HEADGATE_SHIM_COPIERS $HEADGATE_SHIM_INPUT
[ "/proc/$1/fd/1" -ef ./out.1 ] && [ "/proc/$3/fd/1" -ef ./out.2 ] && [ "/proc/$6/fd/3" -ef ./in ] || exit 0
# shellcheck disable=SC1091 # made for the one producer
. "./launch"
# O_EXCL: where the folder has a claim, another shim runs the command.
command : > "$HEADGATE_SHIM_FOLDER/pid" || exit 0
headgate_publish "$HEADGATE_SHIM_FOLDER/pid" "$HEADGATE_SHIM_SELF" || exit 0
headgate_publish "$HEADGATE_SHIM_FOLDER/copiers" "$HEADGATE_SHIM_COPIERS"
headgate_publish "$HEADGATE_SHIM_FOLDER/in.pid" "$HEADGATE_SHIM_INPUT"
headgate_publish "$HEADGATE_SHIM_FOLDER/main" "$HEADGATE_SHIM_MAIN"
exec >&5 2>&4 4>&- 5>&-
headgate_find_program "$1" || exit 127
exec "$@"
