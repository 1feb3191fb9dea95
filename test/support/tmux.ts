import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const WAIT_MS = 20_000;

/** A real terminal for a person's keys and eyes: a tmux server of its own, on a private socket. */
export class Terminal {
  readonly #folder = mkdtempSync(join(tmpdir(), 'headgate-tmux-'));
  /** The socket of the tmux server; the pane is %0. */
  readonly socket = join(this.#folder, 'tmux.sock');

  constructor(options: { cwd: string; env: Record<string, string | undefined>; cols?: number; rows?: number }) {
    const env = { ...options.env, TMUX: undefined, TERM: 'xterm-256color', LC_ALL: 'C.UTF-8', PS1: '$ ', ENV: undefined };
    const size = ['-x', String(options.cols ?? 140), '-y', String(options.rows ?? 50)];
    const made = spawnSync('tmux', ['-S', this.socket, '-f', '/dev/null', 'new-session', '-d', ...size, '-c', options.cwd, 'exec sh'], {
      env,
      encoding: 'utf8',
    });
    if (made.status !== 0) throw new Error(`tmux did not start: ${made.stderr}`);
  }

  /** Types text and presses Enter. */
  type(line: string): void {
    this.#tmux('send-keys', '-l', line);
    this.#tmux('send-keys', 'Enter');
  }

  /** Types text without Enter. */
  keys(text: string): void {
    this.#tmux('send-keys', '-l', text);
  }

  /** Makes the terminal another size. */
  resize(cols: number, rows: number): void {
    this.#tmux('resize-window', '-x', String(cols), '-y', String(rows));
  }

  /** Presses one key by tmux's name of it, `a` or `C-c`. */
  press(key: string): void {
    this.#tmux('send-keys', key);
  }

  /** What is on the screen and scrolled out above it. */
  screen(): string {
    return this.#tmux('capture-pane', '-p', '-J', '-S', '-');
  }

  /** The rows of the screen with their colours, as control sequences. */
  coloured(): string {
    return this.#tmux('capture-pane', '-p', '-e');
  }

  /** Waits until the screen matches, and returns it; throws with the screen when it does not in time. */
  async see(pattern: RegExp): Promise<string> {
    const until = performance.now() + WAIT_MS;
    while (true) {
      const screen = this.screen();
      if (pattern.test(screen)) return screen;
      if (performance.now() > until) throw new Error(`the screen never showed ${pattern}:\n${screen}`);
      // A terminal tells nobody that it changed; looking again is all there is.
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Ends the terminal and what runs in it. */
  close(): void {
    spawnSync('tmux', ['-S', this.socket, 'kill-server']);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #tmux(...args: string[]): string {
    const { status, stdout, stderr } = spawnSync('tmux', ['-S', this.socket, ...args], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`tmux ${args[0]}: ${stderr}`);
    return stdout;
  }
}
