import { closeSync, openSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../core/errors.ts';
import { makeFolder } from '../core/make-folder.ts';
import { replaceFile } from '../core/whole-file.ts';
import { RpcError, type Transport } from '../rpc/client/index.ts';
import { isRunning, startDetached } from './detached.ts';
import { dial } from './dial.ts';
import { CliError } from './errors.ts';
import { EXIT } from './exit-codes.ts';
import type { CliHost } from './host.ts';
import { dataFolder, locate, type ServerOptions, serverRecord, type Target } from './locate.ts';

/** What starting a server takes from the process around. */
type Starter = Pick<CliHost, 'env' | 'command'> & {
  /** Called when one was started. */
  readonly started?: () => void;
};

/** How long a server that is being started may take until it answers. */
const START_MS = 30_000;
const LOOK_MS = 50;
/** Above this size a log is begun again. */
const LOG_BYTES = 1024 * 1024;
/** The environment of a command of Headgate: a server with it would be taken for a part of that command, and end with it. */
const MARKERS = ['HEADGATE_PRODUCER', 'HEADGATE_SPOOL', 'HEADGATE_TTY_FOLDER'] as const;

/** Options of a command that brings its server along. */
export interface EnsureOptions extends ServerOptions {
  /** Configuration file of a server that has to be started; one that runs has its own. */
  readonly config?: string;
}

/** A server that was brought along, as `started.json` in the data folder has it. */
interface Started {
  readonly pid: number;
  /** Options of `headgate serve`, without the data folder. */
  readonly args: readonly string[];
}

/**
 * The server that a client command finds, started when none runs on the data folder (SPEC {#cli_ensure}). A server named by
 * URL or socket is never started.
 *
 * @throws CliError with exit code 3 and what the server said, when it does not start
 */
export async function ensureServer(options: EnsureOptions, host: Starter): Promise<Target> {
  const { env } = host;
  if (isNamed(options, env)) return locate(options, env);
  const found = await answering(options, env);
  if (found) return found;
  const data = dataFolder(options.data, env);
  const before = options.config === undefined ? crashed(data) : undefined;
  const args = before?.args ?? ['--port', '0', ...(options.config === undefined ? [] : ['--config', resolve(options.config)])];
  return await startServer(data, args, host);
}

/**
 * Starts a server on a data folder where none answers, with these options of `headgate serve`; returns whether it did.
 *
 * @throws CliError with exit code 3 and what the server said, when it does not start
 */
export async function ensureRunning(data: string, args: readonly string[], host: Starter): Promise<boolean> {
  if (await answering({ data }, host.env)) return false;
  await startServer(data, args, host);
  return true;
}

/**
 * Starts a server on a data folder, out of the tree of this process, and waits until it answers. Of two that start one at
 * once, the lock on the folder lets one through, and both find that.
 */
async function startServer(data: string, args: readonly string[], host: Starter): Promise<Target> {
  const server = await start(data, args, host);
  const until = performance.now() + START_MS;
  let ended: boolean;
  do {
    await delay(LOOK_MS);
    ended = server.ended();
    const target = await answering({ data }, host.env);
    const { pid } = readFacts(serverRecord(data));
    // It listens before it has written its record: until then that of a server that was killed is there.
    if (target && typeof pid === 'number' && isRunning(pid)) {
      // Another that was started meanwhile may have got the folder.
      if (pid === server.pid) {
        keep(data, { pid: server.pid, args });
        host.started?.();
      }
      return target;
    }
  } while (performance.now() < until && (!ended || isHeld(data)));
  throw new CliError(`no server runs on ${data}, and none could be started${server.said()}`, EXIT.unreachable, `${server.log} says more`);
}

/**
 * Dials the server of a client that outlives its connections. Where a server that was brought along was killed it is started
 * again, once for each that was killed (SPEC {#cli_ensure}); one that was stopped, or that a service manager keeps running, is not.
 */
export function redialling(options: EnsureOptions, host: Starter, mayStart: boolean): () => Promise<Transport> {
  const { env } = host;
  const data = dataFolder(options.data, env);
  const may = mayStart && !isNamed(options, env);
  let tried: number | undefined;
  let failure: Error | undefined;
  return async () => {
    try {
      return await dial(locate(options, env));
    } catch (error) {
      const dead = may && !(error instanceof RpcError) ? crashed(data) : undefined;
      if (dead === undefined) throw error;
      if (dead.pid !== tried) {
        tried = dead.pid;
        failure = await ensureServer(options, host).then(
          () => undefined,
          (problem: unknown) => problem as Error,
        );
      }
      if (failure !== undefined) throw failure;
      return await dial(locate(options, env));
    }
  };
}

/** True where a server is named by URL or socket. */
function isNamed({ url, socket, data }: ServerOptions, env: Starter['env']): boolean {
  if (url !== undefined || socket !== undefined) return true;
  return data === undefined && Boolean(env['HEADGATE_URL'] || env['HEADGATE_SOCKET']);
}

/** The server on the data folder that was brought along and has ended without taking its record away. */
function crashed(data: string): Started | undefined {
  const { pid } = readFacts(serverRecord(data));
  const { pid: started, args } = readFacts(startedFile(data));
  if (typeof pid !== 'number' || pid !== started || isRunning(pid)) return undefined;
  return Array.isArray(args) && args.every((arg) => typeof arg === 'string') ? { pid, args } : undefined;
}

function startedFile(data: string): string {
  return join(data, 'started.json');
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
  readonly pid: number | undefined;
  /** File that it writes its log to. */
  readonly log: string;
  ended(): boolean;
  /** Last line of its log, for an error; empty when it has said nothing. */
  said(): string;
}

async function start(data: string, args: readonly string[], { env, command }: Starter): Promise<Starting> {
  const log = join(data, 'server.log');
  let failure: string | undefined;
  let pid: number | undefined;
  let from = 0;
  try {
    makeFolder(data);
    const whole = sizeOf(log);
    from = whole > LOG_BYTES ? 0 : whole;
    const stderr = openSync(log, from === whole ? 'a' : 'w', 0o600);
    try {
      pid = await startDetached([process.execPath, command, 'serve', '--json', '--data', data, '--log-level', 'warn', ...args], {
        // In the data folder: a server must not hold the folder that its first client happened to be in.
        cwd: data,
        env: { ...env, ...Object.fromEntries(MARKERS.map((name) => [name, undefined])) },
        stderr,
      });
    } finally {
      closeSync(stderr);
    }
  } catch (error) {
    failure = messageOf(error);
  }
  const said = () => {
    const line = failure ?? readOr(log).subarray(from).toString().trim().split('\n')[0] ?? '';
    return line === '' ? '' : `: ${messageIn(line)}`;
  };
  return { pid, log, ended: () => pid === undefined || !isRunning(pid), said };
}

/** What an error of `headgate serve --json` says, or any other line of a log. */
function messageIn(line: string): string {
  try {
    const { error } = JSON.parse(line) as { error?: { message?: unknown } };
    if (typeof error?.message === 'string') return error.message;
  } catch {
    // A line for people.
  }
  return line.replace(/^headgate: /, '');
}

/** True while a process has the data folder: a server that is not up yet, or one that ends (SPEC {#data_lock}). */
function isHeld(data: string): boolean {
  const { pid } = readFacts(join(data, 'lock.json'));
  return typeof pid === 'number' && isRunning(pid);
}

function readFacts(file: string): Readonly<Record<string, unknown>> {
  try {
    const facts: unknown = JSON.parse(readOr(file).toString());
    return typeof facts === 'object' && facts !== null ? { ...facts } : {};
  } catch {
    return {};
  }
}

/** Notes that a server was brought along. Without the note it is not started again by itself, and nothing else is lost. */
function keep(data: string, started: { readonly pid: number | undefined; readonly args: readonly string[] }): void {
  try {
    replaceFile(startedFile(data), `${JSON.stringify(started)}\n`);
  } catch {
    // A full disk, for example.
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
