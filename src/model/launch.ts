import { z } from 'zod';
import { HeadgateError } from '../core/errors.ts';
import { shellWords } from '../core/shell-quote.ts';

/** Shells that a command line can be given to (SPEC {#backend_process}). */
export const SHELLS = ['sh', 'bash', 'login'] as const;

export type Shell = (typeof SHELLS)[number];

/** What says what is executed. */
export interface LaunchSpec {
  /** A command line for `shell`; for `argv` its words, quoted, as people read it. */
  readonly command: string;
  /** Executed without a shell (SPEC {#backend_process}). */
  readonly argv?: readonly string[];
  /** Which shell gets the command line; `sh` when left out. */
  readonly shell?: Shell;
  /** What the shell gets instead of `command`: the same, printed again from what was judged, or such that it takes the place of its shell. */
  readonly line?: string;
}

/** Characters of a command line at most. */
export const LINE_CHARS = 128 * 1024;
/** Bytes of one word: what the kernel takes, less the byte that ends it. */
const WORD_BYTES = 128 * 1024 - 1;
/** Bytes of all words, one more for the end of each. */
const ALL_BYTES = 1024 * 1024;
/** Words at most. */
const WORDS = 10_000;

const NUL = 'contains a NUL character; leave it out';

/** What a caller wants run: a command line for a shell, or a program and its arguments, which no shell sees. */
export const command = z.union(
  [
    z
      .string()
      .min(1, 'is empty; say what is to be run')
      .max(LINE_CHARS)
      .refine((line) => !line.includes('\0'), NUL),
    z.array(z.string()).superRefine(checkWords),
  ],
  { error: 'must be a command line, or an array of strings: a program and its arguments' },
);

export type Command = string | readonly string[];

/** Which shell gets a command line. */
export const shell = z.enum(SHELLS, { error: `must be ${SHELLS.slice(0, -1).join(', ')} or ${SHELLS.at(-1)}` });

const encoder = new TextEncoder();

function checkWords(words: readonly string[], context: z.RefinementCtx): void {
  let bytes = 0;
  const refuse = (message: string, ...path: number[]) => context.addIssue({ code: 'custom', message, path });
  if (words.length === 0) return refuse('is empty; its first word is the program');
  if (words.length > WORDS) return refuse(`has more than ${WORDS} words; put them in a file, or use xargs`);
  for (const [index, word] of words.entries()) {
    const own = encoder.encode(word).length;
    bytes += own + 1;
    if (index === 0 && word === '') return refuse('is the program and must not be empty', 0);
    if (word.includes('\0')) return refuse(NUL, index);
    if (own > WORD_BYTES) return refuse(`has more than ${WORD_BYTES} bytes; put it in a file`, index);
  }
  if (bytes > ALL_BYTES) refuse(`has more than ${ALL_BYTES} bytes in all; put them in a file, or use xargs`);
}

/** A command as people, rules and logs read it: of an array its words, quoted for a shell. */
export function commandText(asked: Command): string {
  return typeof asked === 'string' ? asked : shellWords(asked);
}

/**
 * What a producer is to run. `shell` is that of the call, `usual` that of the run, which an array passes over. Throws invalid_params for
 * an array that names a shell.
 */
export function launchOf(asked: Command, shell: Shell | undefined, usual?: Shell): Pick<LaunchSpec, 'command' | 'argv' | 'shell'> {
  const text = commandText(asked);
  if (typeof asked === 'string') {
    const named = shell ?? usual ?? 'sh';
    return { command: text, ...(named === 'sh' ? {} : { shell: named }) };
  }
  if (shell === undefined) return { command: text, argv: asked };
  throw new HeadgateError('invalid_params', 'an array is run without a shell; leave shell out, or give command as one string', {
    field: 'shell',
  });
}

/** Its last line is what remains of it; the exit code is that of a command that is not found. */
const BASH = `command -v bash > /dev/null || {
  echo 'headgate: shell_missing: there is no bash here; use the shell sh, or install bash' >&2
  exit 127
}
exec bash -c "$1"`;

/** The user's own shell where it speaks the language of sh, else bash, whose profile most have, else sh. */
const LOGIN = `case \${SHELL##*/} in
  bash|dash|ash|sh|ksh|ksh93|mksh|yash|zsh) [ ! -x "$SHELL" ] || exec "$SHELL" -l -c "$1" ;;
esac
if command -v bash > /dev/null; then exec bash -l -c "$1"; fi
exec /bin/sh -l -c "$1"`;

/**
 * What is executed for a command: its array as it is, or the shell with the command line, for which `line` stands in where there is one. Other shells are looked for where the command runs.
 */
export function launchArgv(spec: LaunchSpec): readonly string[] {
  if (spec.argv) return spec.argv;
  const line = spec.line ?? spec.command;
  if (spec.shell === 'bash') return ['/bin/sh', '-c', BASH, 'sh', line];
  if (spec.shell === 'login') return ['/bin/sh', '-c', LOGIN, 'sh', line];
  return ['/bin/sh', '-c', line];
}
