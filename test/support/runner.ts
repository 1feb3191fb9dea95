import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { MAIN, type Params, type Ready, WireClient } from './built-server.ts';

/** A runner of its own process, as a user starts it. */
export interface BuiltRunner {
  readonly process: ChildProcess;
  readonly name: string;
  readonly pid: number;
  log(): string;
  /** kill -9, and until it is gone. */
  crash(): Promise<void>;
  /** SIGTERM, and until it is gone; the exit code. */
  stop(): Promise<number | null>;
  /** The exit code, once it has left. */
  readonly left: Promise<number | null>;
}

/** Starts `headgate runner --json` and waits for its one line. Throws with its log when it ends before. `prefix` starts it elsewhere. */
export async function startRunner(
  server: Pick<Ready, 'url' | 'token'>,
  data: string,
  args: readonly string[] = ['--name', 'r1'],
  env: NodeJS.ProcessEnv = {},
  prefix: readonly string[] = [],
): Promise<BuiltRunner> {
  const [program = '', ...words] = [
    ...prefix,
    process.execPath,
    MAIN,
    'runner',
    '--json',
    '--connect',
    server.url,
    '--data',
    data,
    ...args,
  ];
  const child = spawn(program, words, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, HEADGATE_TOKEN: server.token, ...env },
  });
  let out = '';
  let err = '';
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString();
  });
  const left = once(child, 'close').then(([code]) => code as number | null);
  const ready = await new Promise<{ runner: string; pid: number }>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString();
      if (out.includes('\n')) resolve(JSON.parse(out) as { runner: string; pid: number });
    });
    void left.then((code) => reject(new Error(`the runner ended with ${code}: ${err}`)));
  });
  const gone = async (signal: NodeJS.Signals) => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    return await left;
  };
  return {
    process: child,
    name: ready.runner,
    pid: ready.pid,
    log: () => err,
    crash: async () => void (await gone('SIGKILL')),
    stop: () => gone('SIGTERM'),
    left,
  };
}

/** Clients and runners of one test, all of which go with it. */
export class Company {
  readonly #clients: WireClient[] = [];
  readonly #runners: BuiltRunner[] = [];

  async client(server: Ready, root: string): Promise<WireClient> {
    const connected = await WireClient.connect(server, root);
    this.#clients.push(connected);
    return connected;
  }

  async runner(server: Pick<Ready, 'url' | 'token'>, data: string, args?: readonly string[]): Promise<BuiltRunner> {
    const started = await startRunner(server, data, args);
    this.#runners.push(started);
    return started;
  }

  /** Proposes a command for a runner in a run of its own and accepts it; returns its run and path. */
  async accepted(one: WireClient, command: string, runner: string, more: Params = {}): Promise<{ run: string; path: string }> {
    const { run } = await one.call<{ run: string }>('startRun', { model: 'scripted' });
    const { path } = await one.call<{ path: string }>('sh', { run, command, runner, ...more });
    await one.call('run/resolve', { run, resolution: { path, action: 'accept' } });
    return { run, path };
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.splice(0).map((one) => one.close()));
    await Promise.all(this.#runners.splice(0).map((one) => one.stop()));
  }
}
