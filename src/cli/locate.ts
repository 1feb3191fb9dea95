import { readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { isMissing, systemCode } from '../core/errors.ts';
import { homeFolder } from '../core/home-folder.ts';
import { tlsFailure } from '../core/tls-failure.ts';
import type { ClientTls } from '../rpc/node/index.ts';
import { CliError, usageError } from './errors.ts';
import { EXIT } from './exit-codes.ts';
import type { CliHost } from './host.ts';
import { readClientTls, type TlsOptions } from './tls-files.ts';

/** Where a server is reached. `from` says in words where that was learnt. */
export type Target = WebSocketTarget | { readonly kind: 'unix'; readonly path: string; readonly from: string };

interface WebSocketTarget {
  readonly kind: 'websocket';
  readonly url: string;
  readonly token: string | undefined;
  readonly tls?: ClientTls;
  readonly from: string;
}

/** The options by which a client command finds its server. */
export interface ServerOptions extends TlsOptions {
  readonly url?: string;
  readonly token?: string;
  readonly socket?: string;
  readonly data?: string;
}

type Env = CliHost['env'];

/** The data folder: `--data`, HEADGATE_DATA, else `headgate` in the XDG data folder (SPEC {#cli_server}). */
export function dataFolder(option: string | undefined, env: Env): string {
  if (option !== undefined && option !== '') return resolve(option);
  if (env['HEADGATE_DATA']) return resolve(env['HEADGATE_DATA']);
  const base = env['XDG_DATA_HOME'] || join(homeFolder(env), '.local', 'share');
  return join(base, 'headgate');
}

/** The record that a running server leaves in its data folder. */
export function serverRecord(data: string): string {
  return join(data, 'server.json');
}

/**
 * Finds the server: options first (`--url`, `--socket`, `--data`), then the environment, then the record in the data
 * folder (SPEC {#cli_server}). Throws a CliError with exit code 3 when nothing is running there.
 */
export function locate(options: ServerOptions, env: Env): Target {
  const token = options.token ?? (env['HEADGATE_TOKEN'] || undefined);
  const tls = () => readClientTls(options, env);
  if (options.url !== undefined) return byUrl(options.url, token, tls, '--url');
  if (options.socket !== undefined) return { kind: 'unix', path: resolve(options.socket), from: '--socket' };
  if (options.data === undefined) {
    if (env['HEADGATE_URL']) return byUrl(env['HEADGATE_URL'], token, tls, 'HEADGATE_URL');
    if (env['HEADGATE_SOCKET']) return { kind: 'unix', path: resolve(env['HEADGATE_SOCKET']), from: 'HEADGATE_SOCKET' };
  }
  return recorded(dataFolder(options.data, env), options.data !== undefined);
}

/** A server by what a person wrote: `ws://`, `wss://`, `http(s)://`, or `unix:/path`. Throws a usage error for any other text. */
export function byUrl(url: string, token: string | undefined, tls: () => ClientTls, from: string): Target {
  if (url.startsWith('unix:')) return { kind: 'unix', path: resolve(url.slice('unix:'.length)), from };
  return websocket(url, token, tls, from);
}

function websocket(url: string, token: string | undefined, tls: () => ClientTls, from: string): WebSocketTarget {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    throw usageError(`${from} "${url}" is no URL`, 'it has the form ws://127.0.0.1:4711/rpc');
  }
  if (parsed.protocol === 'http:') parsed.protocol = 'ws:';
  if (parsed.protocol === 'https:') parsed.protocol = 'wss:';
  if (parsed.protocol !== 'ws:' && parsed.protocol !== 'wss:') {
    throw usageError(`${from} "${url}" is neither ws:// nor http://`, 'it has the form ws://127.0.0.1:4711/rpc');
  }
  if (parsed.pathname === '/') parsed.pathname = '/rpc';
  return { kind: 'websocket', url: parsed.href, token, from, ...(parsed.protocol === 'wss:' ? { tls: tls() } : {}) };
}

function recorded(data: string, named: boolean): Target {
  const { socket, data: served } = readRecord(serverRecord(data), data, named);
  if (typeof served === 'string' && isOther(served, data)) throw noServer(data, named);
  if (typeof socket !== 'string') throw damaged(serverRecord(data));
  return { kind: 'unix', path: socket, from: data };
}

/** True when a record that lies in `data` was copied there from the folder that its server serves. */
function isOther(served: string, data: string): boolean {
  const [one, other] = [served, data].map((folder) => statSync(folder, { throwIfNoEntry: false }));
  return one !== undefined && other !== undefined && (one.ino !== other.ino || one.dev !== other.dev);
}

/** What a running server has written into its record. */
function readRecord(file: string, data: string, named: boolean): Readonly<Record<string, unknown>> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (isMissing(error)) throw noServer(data, named);
    throw new CliError(
      `cannot read ${file} (${systemCode(error) ?? 'error'})`,
      EXIT.unreachable,
      'it belongs to the user who started the server',
    );
  }
  try {
    const record: unknown = JSON.parse(text);
    if (typeof record === 'object' && record !== null) return { ...record };
  } catch {
    // Not JSON: told below.
  }
  throw damaged(file);
}

function damaged(file: string): CliError {
  return new CliError(`${file} is damaged`, EXIT.unreachable, 'start the server again: headgate serve');
}

/** A WebSocket at `path` instead of /rpc, and the tokens to try one after the other. */
export interface PortTarget {
  readonly url: string;
  readonly tokens: readonly (string | undefined)[];
  /** The certificates to use, and how errors call it. */
  readonly target: WebSocketTarget;
}

/**
 * Finds the port of the server as `locate` does; in a data folder by its record and token (SPEC {#cli_server}). Throws a
 * CliError with exit code 3 when nothing is running there, a usage error where only a unix socket is named.
 */
export function locatePort(options: ServerOptions, env: Env, path: string): PortTarget {
  const target = locate(options, env);
  const at = (url: string) => url.replace(/\/rpc(?=$|\?)/, path);
  if (target.kind === 'websocket') return { url: at(target.url), tokens: [target.token], target };
  if (!target.from.startsWith('/')) {
    throw usageError(`${target.from} names a unix socket, and this needs the server's port`, 'give --url and --token, or --data');
  }
  const url = readRecord(serverRecord(target.from), target.from, true)['url'];
  if (typeof url !== 'string') throw damaged(serverRecord(target.from));
  const known = [options.token, tokenOf(target.from), env['HEADGATE_TOKEN']].filter((token) => token !== undefined && token !== '');
  const port = websocket(url, undefined, () => readClientTls(options, env), target.from);
  return { url: at(port.url), tokens: [...new Set(known)], target: port };
}

/** Where the server of a data folder is reached. Throws a CliError with exit code 3 when nothing is running there. */
export function runningServer(data: string, env: Env): { url: string; http: string; socket: string; token: string; pid: number } {
  const { url, http, socket, pid } = readRecord(serverRecord(data), data, true);
  if (typeof url !== 'string' || typeof http !== 'string' || typeof socket !== 'string' || typeof pid !== 'number') {
    throw damaged(serverRecord(data));
  }
  return { url, http, socket, token: env['HEADGATE_TOKEN'] || (tokenOf(data) ?? ''), pid };
}

function tokenOf(data: string): string | undefined {
  try {
    return readFileSync(join(data, 'token'), 'utf8').trim();
  } catch {
    // A server that was given its token has not written one.
    return undefined;
  }
}

/** The error when no server runs on a data folder; `named`: the folder was given with --data. */
export function noServer(data: string, named: boolean): CliError {
  return new CliError(
    `no server is running on ${data}`,
    EXIT.unreachable,
    `start one in another terminal: headgate serve${named ? ` --data ${data}` : ''}`,
  );
}

/** The error when a target does not answer. */
export function unreachable(target: Target, cause: string): CliError {
  const where = target.kind === 'unix' ? target.path : target.url;
  const secure = tlsFailure(cause);
  const hint = secure
    ? secure
    : target.from.startsWith('/')
      ? `start one in another terminal: headgate serve --data ${target.from}`
      : `is ${target.from} right, and does headgate serve run there?`;
  return new CliError(`no server answers at ${where} (${cause})`, EXIT.unreachable, hint);
}

/** True for a server that runs on this machine, as far as its address says. */
export function isOfThisMachine(target: Target): boolean {
  return target.kind === 'unix' || /^\[?(?:localhost|127\.[\d.]+|::1)\]?$/.test(new URL(target.url).hostname);
}
