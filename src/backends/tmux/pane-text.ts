import { createHash } from 'node:crypto';
import { SHIM_HEAD } from '../shim/shim-text.ts';

/**
 * The shim in a tmux pane, POSIX sh: `sh SHIM FOLDER`, the pane's own process (SPEC {#backend_tmux}). FOLDER/launch sets the
 * directory, the environment and the variables below. It differs from the other shim in that the command's input and output
 * are the pane: tmux itself appends what the pane says to FOLDER/out.1, from before the command begins.
 *
 * The end: tmux and `cat` hold output back for a moment, and tmux throws away what it has when its pane is gone. So the shim
 * writes a mark that no terminal shows, and stays until the mark has arrived in the file; readers cut it off.
 */
export const PANE_TEXT = `# Headgate's shim in a tmux pane: sh SHIM FOLDER.
# What this shell has to say of a killed command is not for the pane.
exec 2> /dev/null
${SHIM_HEAD}
. "$1/launch"
headgate_run() { (PATH=$PATH:/usr/bin:/bin; exec "$@") 5<&-; }

# True once the mark is at the end of the output; now and then it is looked for wherever a process left behind wrote on.
headgate_arrived() {
  [ "$(headgate_run tail -c "\${#HEADGATE_SHIM_WHOLE}" "$1/out.1")" = "$HEADGATE_SHIM_WHOLE" ] && return
  [ $((HEADGATE_SHIM_LOOKS % 25)) = 24 ] || return
  headgate_run tail -c "+$((HEADGATE_SHIM_SIZE + 1))" "$1/out.1" | headgate_run tr '\\0\\n' '  ' | (LC_ALL=C; export LC_ALL; headgate_run grep -q -F "$HEADGATE_SHIM_WHOLE")
}

# True while the process that tmux pipes the pane to is there, or has not said yet who it is.
headgate_piped() {
  [ -r "$1/pipe" ] && read -r HEADGATE_SHIM_PIPED HEADGATE_SHIM_SINCE HEADGATE_SHIM_REST < "$1/pipe" || return 0
  headgate_ticks "$HEADGATE_SHIM_PIPED" && [ "$HEADGATE_SHIM_TICKS" = "$HEADGATE_SHIM_SINCE" ] || return 1
  case \${HEADGATE_SHIM_STAT##*) } in [ZX]*) return 1 ;; esac
}

# tmux has the output of this pane from here on; the command comes after that.
if headgate_publish "$1/pane" "$TMUX_PANE \${TMUX%,*,*}" &&
  "$HEADGATE_SHIM_TMUX" pipe-pane -O -t "$TMUX_PANE" "$HEADGATE_SHIM_PIPE" \\; set-option -w -t "$TMUX_PANE" remain-on-exit off 5<&-; then
  # The terminal has its size now, not when tmux comes round to it.
  [ -z "$HEADGATE_SHIM_ROWS" ] || headgate_run stty rows "$HEADGATE_SHIM_ROWS" cols "$HEADGATE_SHIM_COLS"
  [ -z "$HEADGATE_SHIM_ROWS" ] || "$HEADGATE_SHIM_TMUX" resize-window -t "$TMUX_PANE" -x "$HEADGATE_SHIM_COLS" -y "$HEADGATE_SHIM_ROWS" 5<&-
  if [ "$HEADGATE_SHIM_STDIN" = 1 ]; then
    (exec /bin/sh -c "$HEADGATE_SHIM_COMMAND") 2>&1 5<&-
  else
    (exec /bin/sh -c "$HEADGATE_SHIM_COMMAND") < /dev/null 2>&1 5<&-
  fi
  HEADGATE_SHIM_CODE=$?
  [ -z "$HEADGATE_SHIM_FAR" ] || { headgate_uptime && HEADGATE_SHIM_TOOK=$((HEADGATE_SHIM_NOW - HEADGATE_SHIM_FIRST)); }
  HEADGATE_SHIM_SIZE=$(headgate_run stat -c %s "$1/out.1" || headgate_run wc -c < "$1/out.1")
  # Whatever the command made of the terminal: the mark gets through.
  trap '' TTOU
  headgate_run stty -ixon -tostop
  HEADGATE_SHIM_WHOLE=$(printf '\\030\\033^%s\\033\\\\' "$HEADGATE_SHIM_MARK")
  HEADGATE_SHIM_LOOKS=0
  printf %s "$HEADGATE_SHIM_WHOLE"
  HEADGATE_SHIM_SAID=$?
  until headgate_arrived "$1"; do
    if ! headgate_piped "$1"; then
      # Somebody has taken the pipe away; when the pane itself is gone there was nothing more to come.
      [ "$HEADGATE_SHIM_SAID" != 0 ] || headgate_arrived "$1" || headgate_publish "$1/unpiped" 1
      break
    fi
    HEADGATE_SHIM_LOOKS=$((HEADGATE_SHIM_LOOKS + 1))
    [ "$HEADGATE_SHIM_LOOKS" -lt 50 ] || headgate_run sleep 0.02 || headgate_run sleep 1
  done
else
  echo 'headgate: tmux cannot pipe the pane; the command was not run' >> "$1/out.1"
  HEADGATE_SHIM_CODE=125
fi
[ -z "$HEADGATE_SHIM_FAR" ] || headgate_publish "$1/took" "$HEADGATE_SHIM_TOOK"
headgate_publish "$1/exit" "$HEADGATE_SHIM_CODE"
exit 0
`;

/**
 * What tmux pipes a pane to: `sh PIPE FOLDER TMUX`. It says who it is, in FOLDER/pipe, and appends what comes to FOLDER/out.1.
 * When the pane is gone before its shim, somebody has killed it or the tmux server: the kernel tells that to the shim only,
 * which outlives every signal, so the rest of its session is told from here, as a terminal would.
 */
export const PIPE_TEXT = `# Headgate's end of tmux pipe-pane: sh PIPE FOLDER TMUX.
PATH=$PATH:/usr/bin:/bin
headgate_folder=$1 headgate_tmux=$2
read -r headgate_stat < "/proc/$$/stat"
read -r headgate_boot < /proc/sys/kernel/random/boot_id
set -- \${headgate_stat##*) }
echo "$$ \${20} $headgate_boot" > "$headgate_folder/pipe"
(exec cat) >> "$headgate_folder/out.1"
read -r headgate_shim headgate_since headgate_boot < "$headgate_folder/pid" && [ ! -e "$headgate_folder/exit" ] || exit 0
read -r headgate_pane headgate_socket < "$headgate_folder/pane"
[ "$("$headgate_tmux" -S "$headgate_socket" display-message -p -t "$headgate_pane" '#{pane_id}')" != "$headgate_pane" ] || exit 0
for headgate_process in "/proc/$headgate_shim" /proc/[0-9]*; do
  read -r headgate_stat < "$headgate_process/stat" || continue
  set -- \${headgate_stat##*) }
  case $headgate_process in
    "/proc/$headgate_shim") [ "\${20}" = "$headgate_since" ] || exit 0 ;;
    "/proc/$$") ;;
    *)
      if [ "$4" = "$headgate_shim" ] && [ "\${headgate_process#/proc/}" != "$headgate_shim" ]; then
        kill -s HUP "\${headgate_process#/proc/}" && kill -s CONT "\${headgate_process#/proc/}"
      fi ;;
  esac
done
`;

/**
 * What tmux pipes a watched pane to: `sh WATCH FOLDER TMUX SOCKET BUFFER CURSOR HEIGHT`, the row of the cursor and the number of
 * rows at the moment when the pipe was made. It is the shim of the producer: claims the folder, writes the history that was put
 * into BUFFER at that moment, then whatever comes, and publishes the end of it: the pane is gone, or the pipe.
 */
export const WATCH_TEXT = `# Headgate's watch of a tmux pane: sh WATCH FOLDER TMUX SOCKET BUFFER CURSOR HEIGHT.
${SHIM_HEAD}
PATH=$PATH:/usr/bin:/bin
{
  # Rows end as a terminal ends them. The one of the cursor does not end, and empty ones below it are not there yet.
  HEADGATE_SHIM_ROWS=$("$2" -S "$3" show-buffer -b "$4" < /dev/null; echo .)
  HEADGATE_SHIM_ROWS=\${HEADGATE_SHIM_ROWS%.}
  HEADGATE_SHIM_TEXT=$(printf %s "$HEADGATE_SHIM_ROWS")
  HEADGATE_SHIM_EMPTY=$((\${#HEADGATE_SHIM_ROWS} - \${#HEADGATE_SHIM_TEXT} - ($6 - $5)))
  while [ "$HEADGATE_SHIM_EMPTY" -gt 0 ]; do
    HEADGATE_SHIM_TEXT="$HEADGATE_SHIM_TEXT
"
    HEADGATE_SHIM_EMPTY=$((HEADGATE_SHIM_EMPTY - 1))
  done
  printf '%s.' "$HEADGATE_SHIM_TEXT" | sed "\\$!s/\\$/$(printf '\\r')/; \\$s/\\.\\$//"
  HEADGATE_SHIM_ROWS= HEADGATE_SHIM_TEXT=
  # The beginning of an escape sequence that tmux had not seen the end of.
  "$2" -S "$3" show-buffer -b "$4-rest" < /dev/null
} >> "$1/out.1" 2> /dev/null 5<&-
"$2" -S "$3" delete-buffer -b "$4" < /dev/null 5<&-
"$2" -S "$3" delete-buffer -b "$4-rest" < /dev/null 5<&-
(exec cat) >> "$1/out.1" 5<&-
headgate_publish "$1/exit" 0
exit 0
`;

/** File names of the scripts in the spool; another text has another name, so those that run keep theirs. */
export const PANE_FILE = fileOf('pane', PANE_TEXT);
export const PIPE_FILE = fileOf('pipe', PIPE_TEXT);
export const WATCH_FILE = fileOf('watch', WATCH_TEXT);

function fileOf(kind: string, text: string): string {
  return `shim-${kind}-${createHash('sha256').update(text).digest('hex').slice(0, 12)}.sh`;
}
