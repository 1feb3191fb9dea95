import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import type { Console } from '../console.ts';
import { usageError } from '../errors.ts';
import { EXIT } from '../exit-codes.ts';
import type { CliHost, LogLevel } from '../host.ts';
import { byUrl, dataFolder } from '../locate.ts';
import { readClientTls, type TlsOptions } from '../tls-files.ts';
import { stopSignal } from './serve.ts';

/** Options of `headgate runner`. */
export interface RunnerCommandOptions extends TlsOptions {
  readonly connect?: string;
  readonly token?: string;
  readonly name?: string;
  readonly labels: readonly string[];
  readonly for: readonly string[];
  readonly capacity: number;
  readonly data?: string;
  readonly logLevel?: LogLevel;
  readonly json?: boolean;
}

/** `headgate runner`: serves until SIGINT or SIGTERM, or until it is drained; commands go on (SPEC {#cli_runner}). */
export async function runner(console: Console, host: CliHost, options: RunnerCommandOptions): Promise<number> {
  const server = options.connect ?? console.env['HEADGATE_URL'];
  if (!server) throw usageError('no server named', 'headgate runner --connect ws://127.0.0.1:4711/rpc');
  const given = options.token ?? (console.env['HEADGATE_TOKEN'] || undefined);
  const tls = () => readClientTls(options, console.env);
  const target = byUrl(server, given, tls, options.connect ? '--connect' : 'HEADGATE_URL');
  const url = target.kind === 'unix' ? `unix:${target.path}` : target.url;
  const name = options.name ?? nameOfHost();
  const stop = new AbortController();
  void stopSignal(console).then(() => stop.abort());
  const ready = () => {
    const line = options.json
      ? JSON.stringify({ ready: true, runner: name, pid: process.pid })
      : `${console.outColors.bold('Headgate')} runner ${name} serves ${url}; Ctrl-C stops it, commands go on`;
    void console.out.write(`${line}\n`);
  };
  const how = await host.runner({
    url,
    ...(target.kind === 'websocket' && target.token ? { token: target.token } : {}),
    tls: (target.kind === 'websocket' && target.tls) || {},
    name,
    labels: options.labels,
    runs: options.for,
    version: console.version,
    capacity: options.capacity,
    data: options.data === undefined ? join(dataFolder(undefined, console.env), 'runners', name) : resolve(options.data),
    logLevel: options.logLevel ?? (options.json ? 'info' : 'warn'),
    signal: stop.signal,
    ready,
  });
  if (how === 'drained' && !options.json) void console.err.write(`headgate: runner ${name} is drained\n`);
  return EXIT.ok;
}

function nameOfHost(): string {
  return (
    hostname()
      .replaceAll(/[^A-Za-z0-9._-]/g, '-')
      .replace(/^[^A-Za-z0-9]+/, '')
      .slice(0, 64) || 'runner'
  );
}
