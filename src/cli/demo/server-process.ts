import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { CliHost } from '../host.ts';

/** What `serve --json` said when it was ready. */
export interface Ready {
  readonly url: string;
  readonly socket: string;
  readonly token: string;
  readonly pid: number;
}

const MAIN = fileURLToPath(new URL('../../main.js', import.meta.url));
const START_MS = 15_000;
const STOP_MS = 5000;

/** A server in a process of its own, started as a user would start it. */
export class ServerProcess {
  readonly ready: Ready;
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;

  private constructor(child: ChildProcess, ended: Promise<void>, ready: Ready) {
    this.#child = child;
    this.#ended = ended;
    this.ready = ready;
  }

  /** Starts `headgate serve --json` on a data folder and waits for its line. Rejects with what it said otherwise. */
  static async start(data: string, env: CliHost['env']): Promise<ServerProcess> {
    // A process group of its own: Ctrl-C reaches the demo, which then stops things in order.
    const child = spawn(process.execPath, [MAIN, 'serve', '--json', '--port', '0', '--data', data, '--log-level', 'warn'], {
      detached: true,
      env: { ...env, HEADGATE_TOKEN: undefined, HEADGATE_URL: undefined, HEADGATE_SOCKET: undefined },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const ended = new Promise<void>((resolve) => {
      child.once('error', () => resolve());
      child.once('close', () => resolve());
    });
    let said = '';
    child.stderr.on('data', (bytes: Buffer) => {
      said = (said + bytes.toString('utf8')).slice(-4000);
    });
    try {
      const line = await firstLine(child, ended);
      return new ServerProcess(child, ended, JSON.parse(line) as Ready);
    } catch (error) {
      child.kill('SIGKILL');
      await ended;
      throw new Error(`the server did not start${said.trim() === '' ? '' : `: ${said.trim()}`}`, { cause: error });
    }
  }

  /** Stops it as Ctrl-C would. True when it ended in order and in time. */
  async stop(): Promise<boolean> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill('SIGTERM');
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, STOP_MS);
    });
    await Promise.race([this.#ended, late]);
    clearTimeout(timer);
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill('SIGKILL');
      await this.#ended;
    }
    return this.#child.exitCode === 0;
  }
}

function firstLine(child: ChildProcess, ended: Promise<void>): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const timer = setTimeout(() => reject(new Error('not ready in time')), START_MS);
    child.stdout?.on('data', (bytes: Buffer) => {
      text += bytes.toString('utf8');
      const lf = text.indexOf('\n');
      if (lf < 0) return;
      clearTimeout(timer);
      resolve(text.slice(0, lf));
    });
    void ended.then(() => {
      clearTimeout(timer);
      reject(new Error('it ended'));
    });
  });
}
