import { resolve } from 'node:path';
import { defined } from '../../core/defined.ts';
import type { Console } from '../console.ts';
import { usageError } from '../errors.ts';
import { EXIT } from '../exit-codes.ts';
import type { CliHost, LogLevel, RunningServer, ServeOptions } from '../host.ts';
import { dataFolder } from '../locate.ts';
import { portalAddress } from '../portal-address.ts';
import { shellQuote, visibleLine } from '../text.ts';

/** Options of `headgate serve`. */
export interface ServeCommandOptions {
  readonly data?: string;
  readonly port?: number;
  readonly host: string;
  readonly config?: string;
  readonly socket?: string;
  readonly logLevel?: LogLevel;
  readonly runnerLease?: number;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsClientCa?: string;
  readonly allowOrigin?: string[];
  readonly publicUrl?: URL;
  readonly trustedProxy?: string[];
  readonly metrics?: 'token' | 'loopback' | true;
  readonly insecureListen?: boolean;
  /** Prints the token, and the portal's address with it. */
  readonly showToken?: boolean;
  readonly json?: boolean;
  readonly detach?: boolean;
}

/** Port where none is named. */
const PORT = 4711;

/**
 * Serves until SIGINT or SIGTERM. The first stops in order, with the commands going on; a second stops at once
 * (SPEC {#cli_serve}).
 */
export async function serve(console: Console, host: CliHost, options: ServeCommandOptions): Promise<number> {
  const data = dataFolder(options.data, console.env);
  const stopped = stopSignal(console);
  const server = await host.serve(serveOptions(console, data, options));
  if (server.copyOf !== undefined) {
    await console.err.write(
      `headgate: ${visibleLine(data)} is a copy of ${visibleLine(server.copyOf)}; the commands that ran there are left alone and end here as lost\n`,
    );
  }
  await console.out.write(
    options.json ? readyLine(server) : readable(console, server, { data, end: 'Ctrl-C stops the server', showToken: options.showToken }),
  );
  await stopped;
  await server.close();
  return EXIT.ok;
}

function serveOptions(console: Console, data: string, options: ServeCommandOptions): ServeOptions {
  const token = console.env['HEADGATE_TOKEN'];
  return {
    data,
    port: options.port ?? PORT,
    host: options.host,
    logLevel: options.logLevel ?? (options.json ? 'info' : 'warn'),
    ...(options.config === undefined ? {} : { config: resolve(options.config) }),
    ...(options.socket === undefined ? {} : { socket: resolve(options.socket) }),
    ...(token ? { token } : {}),
    ...defined({ allowedOrigins: options.allowOrigin, publicUrl: options.publicUrl, trustedProxies: options.trustedProxy }),
    ...defined({ runnerLease: options.runnerLease, metrics: options.metrics === true ? ('token' as const) : options.metrics }),
    ...tlsOf(options),
    ...(options.insecureListen ? { insecureListen: true } : {}),
  };
}

function tlsOf({ tlsCert, tlsKey, tlsClientCa }: ServeCommandOptions): Pick<ServeOptions, 'tls'> {
  if (tlsCert === undefined && tlsKey === undefined && tlsClientCa === undefined) return {};
  if (tlsCert === undefined || tlsKey === undefined) {
    throw usageError('TLS needs a certificate and its key', 'give --tls-cert and --tls-key');
  }
  const files = { cert: resolve(tlsCert), key: resolve(tlsKey) };
  return { tls: tlsClientCa === undefined ? files : { ...files, clientCa: resolve(tlsClientCa) } };
}

/** Resolves at the first signal; from then on a second one ends the process at once. */
export function stopSignal(console: Console): Promise<void> {
  return new Promise((resolve) => {
    let count = 0;
    const onSignal = (signal: NodeJS.Signals) => {
      count++;
      if (count > 1) process.exit(signal === 'SIGINT' ? EXIT.interrupted : 143);
      if (console.err.stream.isTTY) void console.err.write('headgate: stopping; commands go on. Once more to stop at once.\n');
      resolve();
    };
    process.on('SIGINT', onSignal);
    process.on('SIGTERM', onSignal);
  });
}

/** Where a server is reached. */
type ServerFacts = Omit<RunningServer, 'close'>;

/** The one line of `serve --json`, field for field as SPEC {#cli_serve} has it. */
export function readyLine({ url, http, socket, token, pid }: ServerFacts): string {
  return `${JSON.stringify({ ready: true, url, http, socket, token, pid })}\n`;
}

/**
 * The same for people; `end` says how the server is stopped. Without `showToken` no secret is in it: what a service prints is in the log of its
 * machine (SPEC {#cli_serve}).
 */
export function readable(
  console: Console,
  server: ServerFacts,
  { data, end, showToken = false }: { data: string; end: string; showToken?: boolean | undefined },
): string {
  const { bold, dim } = console.outColors;
  const where = isDefault(console, data) ? '' : ` --data ${shellQuote(data)}`;
  return [
    `${bold('Headgate')} ${console.version} serves ${data}`,
    `  url     ${server.url}`,
    `  socket  ${server.socket}`,
    ...(showToken ? [`  token   ${server.token}`] : []),
    `  portal  ${portalAddress(server.http, showToken ? { token: server.token } : {})}`,
    dim(
      `In another terminal: headgate act "what to do"${where}; headgate portal${where} prints the portal's address with the token; ${end}, commands go on.`,
    ),
    '',
  ].join('\n');
}

function isDefault(console: Console, data: string): boolean {
  return data === dataFolder(undefined, console.env);
}
