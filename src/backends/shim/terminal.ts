import { shellQuote } from '../../core/shell-quote.ts';
import { type PixelSize, pixelSize, type Terminal } from '../../model/place.ts';
import { LEADER_SH } from './leader-sh.ts';
import { TRAPPED_SIGNALS } from './shim-text.ts';

/** Largest number of columns and of rows (SPEC {#terminals}). */
const MAX_CELLS = 1000;

/** Signals that may go to a group in which the shim or the leader of a terminal is: it traps them, or they do nothing to it. */
export const SAFE_SIGNALS = [...TRAPPED_SIGNALS, 'SIGCONT', 'SIGWINCH', 'SIGURG', 'SIGCHLD'];

/**
 * The command that the shim runs for a command in a terminal (SPEC {#terminals}): util-linux `script` relays between the
 * shim's files and a new terminal. `folder` is the absolute path of the producer folder on the host where it runs; the
 * shim must be told that there is standard input in any case, or `script` would type an end of file; whether the command
 * reads the terminal or an empty input is decided here, by `stdin`. Variables in `env` win
 * over those of the terminal. The text is at most four times as long as the command, when that is nothing but quotes.
 */
export function terminalCommand(options: {
  argv: readonly string[];
  tty: Terminal;
  folder: string;
  env: Readonly<Record<string, string>>;
  stdin: boolean;
}): string {
  const { argv, tty, folder, env, stdin } = options;
  const unwanted = ['COLUMNS', 'LINES'].filter((name) => !(name in env));
  return [
    ...('TERM' in env ? [] : [`export TERM=${shellQuote(tty.term)}`]),
    ...(unwanted.length > 0 ? [`unset ${unwanted.join(' ')}`] : []),
    `export HEADGATE_TTY_SHELL="\${SHELL+=$SHELL}" SHELL=/bin/sh`,
    `export HEADGATE_TTY_FOLDER=${shellQuote(folder)} HEADGATE_TTY_SIZE='${sizeWords(tty.cols, tty.rows, pixelSize(tty)).join(' ')}' HEADGATE_TTY_MODES='${modeWords(tty.modes)}' HEADGATE_TTY_STDIN=${stdin ? 1 : 0}`,
    `export HEADGATE_TTY_COMMAND=${shellQuote(shellLine(argv))}`,
    `exec "$(PATH=$PATH:/usr/bin:/bin; command -v script)" -q -f -e -E always -c ${shellQuote(LEADER_SH)} /dev/null 2>&1`,
  ].join('\n');
}

/** What `/bin/sh -c` is given to run it, in place of that shell. */
export function shellLine(argv: readonly string[]): string {
  const [program = '', option, line] = argv;
  if (argv.length === 3 && program === '/bin/sh' && option === '-c' && line !== undefined) return line;
  const name = shellQuote(program);
  const missing = shellQuote(`headgate: ${program}: not found`);
  return `command -v ${name} > /dev/null 2>&1 || { echo ${missing} >&2; exit 127; }; exec ${argv.map(shellQuote).join(' ')}`;
}

/** Rows, columns, and the pixels of the window where they are known, as the scripts take them. */
export function sizeWords(cols: number, rows: number, pixels: PixelSize | undefined): string[] {
  return [String(rows), String(cols), ...(pixels ? [String(pixels.width), String(pixels.height)] : [])];
}

/** The flags of RFC 4254, section 8, that stty knows. */
const MODES = new Set(
  `IGNPAR PARMRK INPCK ISTRIP INLCR IGNCR ICRNL IUCLC IXON IXANY IXOFF IMAXBEL IUTF8 ISIG ICANON XCASE ECHO ECHOE ECHOK ECHONL NOFLSH TOSTOP
  IEXTEN ECHOCTL ECHOKE OPOST OLCUC ONLCR OCRNL ONOCR ONLRET`.split(/\s+/),
);

/** What stty is given for modes: `-echo icrnl`. Modes that are not flags, or are not known, are left out (SPEC {#terminals}). */
export function modeWords(modes: Terminal['modes']): string {
  const flags = Object.entries(modes ?? {}).filter(([name]) => MODES.has(name));
  return flags.map(([name, on]) => `${on ? '' : '-'}${name.toLowerCase()}`).join(' ');
}

/** True for a number of columns or rows that a terminal can have. */
export function isTerminalSize(cells: number): boolean {
  return Number.isInteger(cells) && cells >= 1 && cells <= MAX_CELLS;
}
