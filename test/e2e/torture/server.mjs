import { spawn, spawnSync } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ConnectionLost, Link } from './wire.mjs';

const MAIN = fileURLToPath(new URL('../../../dist/src/main.js', import.meta.url));
const START_MS = 30_000;
const STOP_MS = 20_000;
const LOG_CHARS = 16_000;

/** A child process whose standard error is kept, the last of it, for a report. */
class Child {
  process;
  log = '';
  /** Set before we end it ourselves, so that any other end is seen to be its own. */
  meant = false;
  gone;

  constructor(args, env) {
    this.process = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
    this.process.stderr.on('data', (data) => (this.log = (this.log + data).slice(-LOG_CHARS)));
    this.gone = new Promise((resolve) => this.process.once('close', (code, signal) => resolve({ code, signal })));
  }

  get alive() {
    return this.process.exitCode === null && this.process.signalCode === null && this.process.pid !== undefined;
  }

  end(signal) {
    this.meant = true;
    if (this.alive) this.process.kill(signal);
    return this.gone;
  }
}

/** The real server on one data folder, killed and started again as often as one likes. */
export class ServerProcess {
  #args;
  #env;
  #failed;
  #child;
  #ready;
  #settle;
  #refuse;
  #closed = false;
  /** Address of the one that runs, or of the last. */
  address;

  /** @param failed - told of an end or a failed start that was not our doing */
  constructor({ data, env, failed }) {
    this.#args = ['serve', '--json', '--port', '0', '--data', data, '--log-level', 'warn'];
    this.#env = env;
    this.#failed = failed;
    this.#notReady();
  }

  /** Starts it and waits until it is ready. */
  async start() {
    const child = this.#spawn();
    const first = await Promise.race([firstLine(child), child.gone.then(() => undefined), delay(START_MS, undefined, { ref: false })]);
    if (child.meant) return;
    if (first === undefined) return void this.#failed(`the server did not start:\n${child.log}`);
    this.address = JSON.parse(first);
    this.#settle(this.address);
    this.#settle = undefined;
    child.gone.then(({ code, signal }) => {
      if (!child.meant) this.#failed(`the server ended by itself with ${code ?? signal}:\n${child.log}`);
    });
  }

  /** Starts it and kills it so many milliseconds later, ready or not. */
  async startAndKill(afterMs) {
    const child = this.#spawn();
    await delay(afterMs);
    await child.end('SIGKILL');
  }

  /** kill -9: sends it on this very tick; resolves when the process is gone. */
  kill() {
    this.#notReady();
    return this.#child?.end('SIGKILL');
  }

  /** SIGTERM, and until it is gone. */
  async stop() {
    this.#notReady();
    const child = this.#child;
    if (!child) return;
    const late = setTimeout(() => {
      this.#failed(`the server did not stop within ${STOP_MS / 1000} s of SIGTERM:\n${child.log}`);
      child.process.kill('SIGKILL');
    }, STOP_MS);
    const { code } = await child.end('SIGTERM');
    clearTimeout(late);
    if (code !== 0) this.#failed(`the server ended with ${code} after SIGTERM:\n${child.log}`);
  }

  /** A connection to whichever server is ready next. Rejects with ConnectionLost when that one is gone again. */
  async connect(options) {
    const address = await this.#ready;
    if (this.#closed) throw new Error('the torture is over');
    try {
      return await Link.open(address, options);
    } catch (error) {
      // A dead server's port may be refused for a while before its end is known here.
      if (error instanceof ConnectionLost) await delay(10);
      throw error;
    }
  }

  /** Kills it for good: no start after this, and whoever waits for one is told so. */
  async close() {
    this.#closed = true;
    this.#refuse?.(new Error('the torture is over'));
    await this.#child?.end('SIGKILL');
  }

  #spawn() {
    if (this.#closed) throw new Error('the torture is over');
    this.#child = new Child(this.#args, this.#env);
    return this.#child;
  }

  /** Whoever waits already goes on waiting for the same promise. */
  #notReady() {
    if (this.#settle !== undefined) return;
    this.#ready = new Promise((resolve, reject) => {
      this.#settle = resolve;
      this.#refuse = reject;
    });
    this.#ready.catch(() => {});
  }
}

function firstLine(child) {
  let out = '';
  return new Promise((resolve) => {
    child.process.stdout.on('data', (data) => {
      out += data;
      if (out.includes('\n')) resolve(out.slice(0, out.indexOf('\n')));
    });
  });
}

/** Whether this build has the command `headgate runner`. */
export function hasRunner() {
  const { status, stdout } = spawnSync(process.execPath, [MAIN, 'runner', '--help'], { encoding: 'utf8' });
  return status === 0 && stdout.includes('--connect');
}

/** A real `headgate runner`, which reaches the server by the relay's address, whichever server that is. */
export class RunnerProcess {
  #args;
  #env;
  #failed;
  #child;
  #closed = false;

  constructor({ url, token, data, name, env, failed }) {
    this.#args = ['runner', '--connect', url, '--token', token, '--data', data, '--name', name, '--labels', name, '--json'];
    this.#env = env;
    this.#failed = failed;
  }

  start() {
    if (this.#closed) return;
    const child = new Child(this.#args, this.#env);
    this.#child = child;
    child.process.stdout.resume();
    child.gone.then(({ code, signal }) => {
      if (!child.meant) this.#failed(`the runner ended by itself with ${code ?? signal}:\n${child.log}`);
    });
  }

  kill() {
    return this.#child?.end('SIGKILL');
  }

  stop() {
    return this.#child?.end('SIGTERM');
  }

  /** Kills it for good. */
  async close() {
    this.#closed = true;
    await this.#child?.end('SIGKILL');
  }
}
