import { resolve } from 'node:path';
import type { Console } from '../console.ts';
import { ensureRunning } from '../ensure-server.ts';
import { EXIT } from '../exit-codes.ts';
import type { CliHost } from '../host.ts';
import { dataFolder, runningServer } from '../locate.ts';
import { readable, readyLine, type ServeCommandOptions } from './serve.ts';

/**
 * `headgate serve --detach`: starts a server in the background where none runs on the data folder, and ends when it answers
 * (SPEC {#cli_serve}).
 *
 * @throws CliError with exit code 3 and what the server said, when it does not start
 */
export async function serveDetached(console: Console, host: CliHost, options: ServeCommandOptions): Promise<number> {
  const data = dataFolder(options.data, console.env);
  const isNew = await ensureRunning(data, argsOf(options), host);
  if (!isNew) await console.err.write(`headgate: a server runs on ${data} already; it goes on with its own options\n`);
  const server = runningServer(data, console.env);
  await console.out.write(
    options.json
      ? readyLine(server)
      : readable(console, server, { data, end: 'headgate stop stops the server', showToken: options.showToken }),
  );
  return EXIT.ok;
}

/** The options for the server's own process, which works in another folder; a free port where none is named. */
function argsOf(options: ServeCommandOptions): string[] {
  const { port = 0, host, runnerLease, logLevel, insecureListen, metrics, publicUrl, allowOrigin = [] } = options;
  const words = { '--port': port, '--host': host, '--runner-lease': runnerLease, '--log-level': logLevel };
  const files = {
    '--config': options.config,
    '--socket': options.socket,
    '--tls-cert': options.tlsCert,
    '--tls-key': options.tlsKey,
    '--tls-client-ca': options.tlsClientCa,
  };
  return [
    ...Object.entries(words).flatMap(([name, value]) => (value === undefined ? [] : [name, `${value}`])),
    ...Object.entries(files).flatMap(([name, file]) => (file === undefined ? [] : [name, resolve(file)])),
    ...(publicUrl === undefined ? [] : ['--public-url', publicUrl.href]),
    ...(options.trustedProxy ?? []).flatMap((address) => ['--trusted-proxy', address]),
    ...allowOrigin.flatMap((origin) => ['--allow-origin', origin]),
    ...(metrics === undefined ? [] : [`--metrics=${metrics === true ? 'token' : metrics}`]),
    ...(insecureListen ? ['--insecure-listen'] : []),
  ];
}
