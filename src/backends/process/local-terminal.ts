import { execFile } from 'node:child_process';
import { HeadgateError } from '../../core/errors.ts';
import { InTurn } from '../../core/in-turn.ts';
import { SYSTEM_PATH } from '../../core/system-path.ts';
import type { PixelSize } from '../../model/place.ts';
import type { ProducerFolder } from '../shim/producer-folder.ts';
import { RESIZE_SH } from '../shim/resize-sh.ts';
import { isTerminalSize, sizeWords } from '../shim/terminal.ts';
import { TERMINAL_PROBE_SH } from '../shim/terminal-probe-sh.ts';
import { type ProcStat, readStat } from './proc.ts';
import { isSafe, signalEach, signalGroupOf } from './signalling.ts';
import type { ProcessTree } from './tree.ts';

/** How long one of the small scripts may take (milliseconds). */
const SCRIPT_MS = 5000;
/** Major number of the first 256 Unix98 terminals; the kernel's encoding of a device number has 8 bits of the minor below it. */
const PTS_MAJOR = 136;
const MINOR_LOW = 256;
const MINOR_HIGH = 1 << 20;

/** Why there can be no terminal on this host and how to get one; undefined when there can be one (SPEC {#terminals}). */
export async function whyNoTerminal(): Promise<string | undefined> {
  const { code, text } = await script(TERMINAL_PROBE_SH, []);
  return text !== '' ? text : code === 0 ? undefined : 'the programs script and stty cannot be looked for now; try again';
}

/** The terminal of one producer of this host. */
export class LocalTerminal {
  readonly #folder: ProducerFolder;
  readonly #turns = new InTurn();

  constructor(folder: ProducerFolder) {
    this.#folder = folder;
  }

  /** True once the command is about to begin. */
  get isReady(): boolean {
    return this.#folder.terminal()?.ready === true;
  }

  /** Sets the size, or keeps it until there is a terminal. Throws `invalid_params` for no size and `conflict` after the end. */
  resize(cols: number, rows: number, pixels?: PixelSize): Promise<void> {
    if (!isTerminalSize(cols) || !isTerminalSize(rows)) {
      throw new HeadgateError('invalid_params', 'a terminal has 1 to 1000 columns and 1 to 1000 rows', { field: 'cols' });
    }
    return this.#turns.run(() => this.#resize(cols, rows, pixels));
  }

  /** Whether the terminal shows what is typed; null when it is gone, or cannot be asked. */
  async echoes(): Promise<boolean | null> {
    const name = this.#folder.terminal()?.name;
    if (name === undefined || !this.#leader()) return null;
    const { code, text } = await script('PATH=$PATH:/usr/bin:/bin; exec stty -a -F "$1"', [name]);
    return code === 0 ? /(?:^|\s)echo\b/.test(text) : null;
  }

  /** Signals what is in the foreground. False when there is no such terminal any more. */
  async signal(signal: NodeJS.Signals, tree: ProcessTree): Promise<boolean> {
    const leader = this.#leader();
    if (!leader || leader.foreground <= 1) return false;
    const members = async (): Promise<ProcStat[]> =>
      (await tree.members()).filter(({ pid, group }) => group === leader.foreground && pid !== leader.pid);
    const [first] = leader.foreground === leader.group ? [leader] : await members();
    if (!first) return false;
    // What would end or stop the leader goes to the others of its group.
    if (first.pid !== leader.pid || isSafe(signal)) signalGroupOf(first, signal);
    else await signalEach(members, signal);
    if (signal === 'SIGCONT') await tree.wakeRelay();
    return true;
  }

  async #resize(cols: number, rows: number, pixels: PixelSize | undefined): Promise<void> {
    const { code, text } = await script(RESIZE_SH, [this.#folder.path, ...sizeWords(cols, rows, pixels)]);
    if (code === 0) return;
    if (code === 2 || this.#folder.exitCode() !== undefined) throw terminalGone();
    throw new HeadgateError('internal', `the terminal cannot be resized now: ${text || `exit code ${code}`}; try again`);
  }

  /** Who leads the session of the terminal, while it does: terminals' numbers are used again. */
  #leader(): ProcStat | undefined {
    const terminal = this.#folder.terminal();
    const leader = terminal && readStat(terminal.leader);
    if (!leader) return undefined;
    const minor = Number(terminal.name.slice(terminal.name.lastIndexOf('/') + 1));
    const device = PTS_MAJOR * MINOR_LOW + (minor % MINOR_LOW) + Math.floor(minor / MINOR_LOW) * MINOR_HIGH;
    return leader.terminal === device && leader.session === leader.pid ? leader : undefined;
  }
}

function terminalGone(): HeadgateError {
  return new HeadgateError('conflict', 'the command has ended, and its terminal with it');
}

/** Runs a small POSIX script; what it says, on one line, and its exit code, null when it did not end in time. */
function script(text: string, args: readonly string[]): Promise<{ code: number | null; text: string }> {
  return new Promise((resolve) => {
    const options = { timeout: SCRIPT_MS, killSignal: 'SIGKILL', env: { ...process.env, PATH: SYSTEM_PATH } } as const;
    const child = execFile('/bin/sh', ['-c', text, 'sh', ...args], options, (_error, out, err) => {
      resolve({ code: child.exitCode, text: `${out}${err}`.trim().replaceAll('\n', ' ') });
    });
  });
}
