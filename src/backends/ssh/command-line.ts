/** What POSIX shells, csh and fish do not all take as it is between single quotes. */
const ODD = /[\n\r!'\\]/g;

/** Puts the words together again, and runs the first of them as a script with the others as its arguments. */
const DECODER = `for hg_a; do case $hg_a in e*) hg_b=$(printf %bx "\${hg_a#e}"); hg_b=\${hg_b%x} ;; *) hg_b=\${hg_a#?} ;; esac; set -- "$@" "$hg_b"; shift; done; hg_s=$1; shift; unset hg_a hg_b; eval "$hg_s"`;

/**
 * A command line that runs `sh -c SCRIPT sh ARGS...` from whatever login shell an account has, also csh and fish, which end a
 * quoted word at a newline or see something in `!` and `\`.
 */
export function commandLine(script: string, args: readonly string[]): string {
  return `exec /bin/sh -c '${DECODER}' sh ${[script, ...args].map(quoted).join(' ')}`;
}

function quoted(word: string): string {
  if (word.search(ODD) < 0) return `'p${word}'`;
  return `'e${word.replace(ODD, (odd) => `\\0${odd.charCodeAt(0).toString(8).padStart(3, '0')}`)}'`;
}
