import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { MAIN } from './built-server.ts';

/** How a `headgate` command ended. */
export interface CliResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: Buffer;
  readonly out: string;
  readonly err: string;
}

export interface CliOptions {
  readonly cwd: string;
  readonly data?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Standard input; closed at once when missing. */
  readonly input?: Buffer | string;
}

/** A `headgate` command that runs, as a user's shell would start it: pipes, no terminal. */
export interface RunningCli {
  readonly process: ChildProcessWithoutNullStreams;
  readonly ended: Promise<CliResult>;
  /** Resolves when standard output, or error, holds the text; rejects when the command ends without it. */
  until(text: string, stream?: 'out' | 'err'): Promise<void>;
}

/** Environment of a command: ours, without what would lead it to another server. */
export function cliEnv(options: Pick<CliOptions, 'data' | 'env'>): NodeJS.ProcessEnv {
  const { HEADGATE_URL: _url, HEADGATE_TOKEN: _token, HEADGATE_SOCKET: _socket, FORCE_COLOR: _color, ...env } = process.env;
  return { ...env, ...(options.data === undefined ? {} : { HEADGATE_DATA: options.data }), ...options.env };
}

/** Starts a command; its input stays open until `process.stdin.end()`. */
export function startCli(args: readonly string[], options: CliOptions): RunningCli {
  const child = spawn(process.execPath, [MAIN, ...args], { cwd: options.cwd, env: cliEnv(options) });
  const pieces: { out: Buffer[]; err: Buffer[] } = { out: [], err: [] };
  const watchers = new Set<() => void>();
  const take = (name: 'out' | 'err') => (bytes: Buffer) => {
    pieces[name].push(bytes);
    for (const watch of [...watchers]) watch();
  };
  child.stdout.on('data', take('out'));
  child.stderr.on('data', take('err'));
  child.stdin.on('error', () => {});
  let over = false;
  const ended = once(child, 'close').then(([code, signal]) => {
    over = true;
    for (const watch of [...watchers]) watch();
    const stdout = Buffer.concat(pieces.out);
    return { code, signal, stdout, out: stdout.toString(), err: Buffer.concat(pieces.err).toString() } as CliResult;
  });
  const until = (text: string, name: 'out' | 'err' = 'out') =>
    new Promise<void>((resolve, reject) => {
      const watch = () => {
        if (Buffer.concat(pieces[name]).toString().includes(text)) {
          watchers.delete(watch);
          resolve();
        } else if (over) {
          watchers.delete(watch);
          reject(new Error(`ended without "${text}": ${Buffer.concat([...pieces.out, ...pieces.err]).toString()}`));
        }
      };
      watchers.add(watch);
      watch();
    });
  return { process: child, ended, until };
}

/** Runs a command to its end. */
export function cli(args: readonly string[], options: CliOptions): Promise<CliResult> {
  const running = startCli(args, options);
  running.process.stdin.end(options.input ?? '');
  return running.ended;
}
