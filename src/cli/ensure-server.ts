import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../core/errors.ts';
import { dial } from './dial.ts';
import { CliError } from './errors.ts';
import { EXIT } from './exit-codes.ts';
import type { CliHost } from './host.ts';
import { dataFolder, locate, type ServerOptions, type Target } from './locate.ts';

/** What starting a server takes from the process around. */
type Starter = Pick<CliHost, 'env' | 'command'>;

/** How long a server that is being started may take until it answers. */
const START_MS = 30_000;
const LOOK_MS = 50;
/** Above this size a log is begun anew. */
const LOG_BYTES = 1024 * 1024;
/** The environment of a command of Headgate: a server with it would be taken for a part of that command, and end with it. */
const MARKERS = ['HEADGATE_PRODUCER', 'HEADGATE_SPOOL', 'HEADGATE_TTY_FOLDER'] as const;

/** Options of a command that brings its server along. */
export interface EnsureOptions extends ServerOptions {
  /** Configuration file of a server that has to be started; one that runs has its own. */
  readonly config?: string;
}

/**
 * The server that a client command finds, started when none runs on the data folder: `headgate serve` on a free port, in
 * a session of its own that outlives this process (SPEC {#cli_ensure}). Of two that start one at once, the lock on the
 * folder lets one through, and both find that. A server named by URL or socket is never started.
 *
 * @throws CliError with exit code 3 and what the server said, when it does not start
 */
export async function ensureServer(options: EnsureOptions, host: Starter): Promise<Target> {
  const { env } = host;
  const named = options.url !== undefined || options.socket !== undefined;
  if (named || (options.data === undefined && (env['HEADGATE_URL'] || env['HEADGATE_SOCKET']))) return locate(options, env);
  const found = await answering(options, env);
  if (found) return found;
  const data = dataFolder(options.data, env);
  const server = start(data, options.config, host);
  const until = performance.now() + START_MS;
  let ended: boolean;
  do {
    await delay(LOOK_MS);
    ended = server.ended();
    const target = await answering(options, env);
    if (target) return target;
  } while (performance.now() < until && (!ended || isHeld(data)));
  throw new CliError(`no server runs on ${data}, and none could be started${server.said()}`, EXIT.unreachable, `${server.log} says more`);
}

/** The server on the data folder, if one takes connections. */
async function answering(options: ServerOptions, env: Starter['env']): Promise<Target | undefined> {
  try {
    const target = locate(options, env);
    (await dial(target)).close();
    return target;
  } catch (error) {
    if (error instanceof CliError && error.exitCode === EXIT.unreachable) return undefined;
    throw error;
  }
}

/** A server on its way up. */
interface Starting {
  /** File that it writes its log to. */
  readonly log: string;
  ended(): boolean;
  /** Last line of its log, for an error; empty when it has said nothing. */
  said(): string;
}

function start(data: string, config: string | undefined, { env, command }: Starter): Starting {
  const log = join(data, 'server.log');
  let failure: string | undefined;
  let over = false;
  let from = 0;
  try {
    mkdirSync(data, { recursive: true, mode: 0o700 });
    const whole = sizeOf(log);
    from = whole > LOG_BYTES ? 0 : whole;
    const stderr = openSync(log, from === whole ? 'a' : 'w', 0o600);
    const args = ['serve', '--json', '--port', '0', '--data', data, '--log-level', 'warn'];
    const child = spawn(process.execPath, [command, ...args, ...(config === undefined ? [] : ['--config', resolve(config)])], {
      // In the data folder: a server must not hold the folder that its first client happened to be in.
      cwd: data,
      detached: true,
      env: { ...env, ...Object.fromEntries(MARKERS.map((name) => [name, undefined])) },
      stdio: ['ignore', 'ignore', stderr],
    });
    closeSync(stderr);
    child.once('error', (error) => {
      failure = error.message;
      over = true;
    });
    child.once('exit', () => {
      over = true;
    });
    child.unref();
  } catch (error) {
    failure = messageOf(error);
    over = true;
  }
  const said = () => {
    const line = failure ?? readOr(log).subarray(from).toString().trim().split('\n')[0] ?? '';
    return line === '' ? '' : `: ${line.replace(/^headgate: /, '')}`;
  };
  return { log, ended: () => over, said };
}

/** True while a process has the data folder: a server that is not up yet, or one that ends (SPEC {#data_lock}). */
function isHeld(data: string): boolean {
  try {
    const { pid } = JSON.parse(readOr(join(data, 'lock.json')).toString()) as { pid?: unknown };
    return typeof pid === 'number' && process.kill(pid, 0);
  } catch {
    return false;
  }
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

function readOr(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch {
    return Buffer.alloc(0);
  }
}
