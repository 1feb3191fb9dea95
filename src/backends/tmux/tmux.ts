import { HeadgateError } from '../../core/errors.ts';
import type { TmuxPlace } from '../../model/place.ts';
import { ON_SERVER_SH } from './on-server-sh.ts';
import { PROBE_SH } from './probe-sh.ts';
import type { Shell } from './shell.ts';
import { WINDOW_SH } from './window-sh.ts';

/** `resize-window` and pane options as they are used here; pipe-pane waits for the last output since 2.6. */
const OLDEST = [2, 9] as const;
/** From here on `paste-buffer` changes control characters unless it is told not to. */
const PASTE_CLEANS = [3, 7] as const;

export interface TmuxProgram {
  /** Absolute path on the machine where it runs. */
  readonly path: string;
  readonly version: readonly [number, number];
}

/** The pane of a producer, on the socket of its server. */
export interface Pane {
  readonly id: string;
  readonly socket: string;
}

/** The tmux servers of one machine. Every method throws a named error that says what is wrong (SPEC {#backend_tmux}). */
export class Tmux {
  readonly #shell: Shell;
  #program: Promise<TmuxProgram> | undefined;

  constructor(shell: Shell) {
    this.#shell = shell;
  }

  /** The program itself. Throws `unsupported` with how to get it when it is missing or too old. */
  program(): Promise<TmuxProgram> {
    // One that is missing now may be installed later.
    this.#program ??= this.#probe().catch((error: unknown) => {
      this.#program = undefined;
      throw error;
    });
    return this.#program;
  }

  /** Runs a command in a new window, of a new session when there is none of this name; returns its pid. */
  async window(options: {
    place: TmuxPlace;
    session: string;
    name: string;
    cols: number;
    rows: number;
    shim: string;
    folder: string;
  }): Promise<number> {
    const { session, name, cols, rows, shim, folder } = options;
    const answer = await this.#shell(WINDOW_SH, [...serverOf(options.place), session, name, String(cols), String(rows), shim, folder]);
    const pid = /^pid (\d+)$/m.exec(answer.stdout)?.[1];
    if (answer.code !== 0 || pid === undefined) throw tmuxRefused(answer.stderr || answer.stdout);
    return Number(pid);
  }

  /** The pane that `target` names. Throws `not_found`. */
  async find(place: TmuxPlace, target: string): Promise<Pane & { dead: boolean }> {
    const stdout = await this.#run(serverOf(place), ['display-message', '-p', '-t', target, '#{pane_id} #{pane_dead} #{socket_path}']);
    const [, id, dead, socket] = /^(%\d+) ([01]) (.+)$/m.exec(stdout) ?? [];
    if (id === undefined || socket === undefined) {
      throw new HeadgateError('not_found', `tmux has no pane ${target}; \`tmux list-panes -a\` lists them`, {
        outcome: 'pane_missing',
        pane: target,
      });
    }
    return { id, socket, dead: dead === '1' };
  }

  /** Runs one command of tmux on the server of a pane; returns what it printed. */
  async onPane(pane: Pane, args: readonly string[], input?: Buffer): Promise<string> {
    return await this.#run(['-S', pane.socket], args, input);
  }

  /** Puts bytes into a pane as if they were typed, whatever mode its viewers are in. */
  async paste(pane: Pane, buffer: string, bytes: Buffer): Promise<void> {
    const { version } = await this.program();
    const exact = atLeast(version, PASTE_CLEANS) ? ['-S'] : [];
    await this.onPane(
      pane,
      ['load-buffer', '-b', buffer, '-', ';', 'paste-buffer', '-d', '-r', ...exact, '-b', buffer, '-t', pane.id],
      bytes,
    );
  }

  async #run(server: readonly string[], args: readonly string[], input?: Buffer): Promise<string> {
    const { code, stdout, stderr } = await this.#shell(ON_SERVER_SH, [...server, ...args], input);
    if (code === 0) return stdout;
    throw tmuxRefused(stderr || stdout);
  }

  async #probe(): Promise<TmuxProgram> {
    const { code, stdout } = await this.#shell(PROBE_SH, []);
    const [path = '', said = ''] = stdout.split('\n');
    if (code !== 0) throw tmuxMissing();
    const [, major, minor] = /(\d+)\.(\d+)/.exec(said) ?? [];
    // A development version says `master` or `next-3.8`; the first is newer than any release.
    const version = [Number(major ?? 99), Number(minor ?? 0)] as const;
    if (!atLeast(version, OLDEST)) throw tmuxTooOld(said);
    return { path, version };
  }
}

/** One argument of a tmux command that is itself written as text. */
export function tmuxQuote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** Text that tmux expands, with formats and with strftime, to exactly `text`. */
export function unexpanded(text: string): string {
  return text.replaceAll('#', '##').replaceAll('%', '%%');
}

/** How tmux is told which server: a flag and a socket, both empty for the usual one. */
export function serverOf({ socket }: TmuxPlace): readonly [string, string] {
  return socket === undefined ? ['', ''] : [socket.includes('/') ? '-S' : '-L', socket];
}

function atLeast(version: readonly [number, number], than: readonly [number, number]): boolean {
  return version[0] > than[0] || (version[0] === than[0] && version[1] >= than[1]);
}

/** The refusal for want of tmux; `host` when that is not this machine. */
export function tmuxMissing(host?: string): HeadgateError {
  return missing(`tmux is not installed${on(host)}; install it (Debian: apt-get install tmux)`);
}

/** The refusal of a tmux that says this of its version. */
export function tmuxTooOld(version: string, host?: string): HeadgateError {
  return missing(`${version}${on(host)} is too old; install tmux ${OLDEST.join('.')} or later`);
}

function missing(message: string): HeadgateError {
  return new HeadgateError('unsupported', message, { outcome: 'unsupported' });
}

function on(host: string | undefined): string {
  return host === undefined ? '' : ` on ${host}`;
}

/** The named error for what tmux has said. */
export function tmuxRefused(said: string, host?: string): HeadgateError {
  const reason = `${said.trim().split('\n').at(-1) ?? ''}`;
  const facts = host === undefined ? {} : { host };
  if (/no server running|error c(onnecting|reating)|too long|server exited|lost server/.test(reason)) {
    const message = `no tmux server can be reached${on(host)}: ${reason}; check tmux.socket`;
    return new HeadgateError('not_found', message, { ...facts, outcome: 'tmux_unreachable' });
  }
  if (/can't find (pane|window|session)|pane has exited/.test(reason)) {
    const message = `tmux${on(host)}: ${reason}; \`tmux list-panes -a\` lists what there is`;
    return new HeadgateError('not_found', message, { ...facts, outcome: 'pane_missing' });
  }
  return new HeadgateError('conflict', `tmux${on(host)} refused: ${reason || 'it said nothing'}`, { ...facts, outcome: 'tmux_refused' });
}
