import { resolve } from 'node:path';
import { type ConnectionOptions, connectRuntime, type Runtime, type Transport, UnsupportedError } from '../client/index.ts';
import { type ProjectRef, projectOf } from './project.ts';
import { connectStdio } from './stdio.ts';
import { connectUnixSocket } from './unix-socket.ts';
import { type ClientTls, connectWebSocket } from './websocket.ts';

export interface ConnectOptions extends Omit<ConnectionOptions, 'project'> {
  /** The project's folder on the server's machine, or its name and root; the working directory by default. */
  readonly project?: string | ProjectRef | undefined;
  /** For `ws:` and `wss:`. */
  readonly token?: string | undefined;
  /** For `wss:`. */
  readonly tls?: ClientTls | undefined;
  /** For `stdio:`, program and arguments; `headgate rpc --stdio` by default. */
  readonly command?: readonly string[];
  /** For `stdio:`, variables of the program beside those of this process. */
  readonly env?: NodeJS.ProcessEnv;
}

/**
 * Connects to a server: `ws://127.0.0.1:4711/rpc` or `wss:` with a token, `unix:PATH` of its socket, or `stdio:` through a
 * program (SPEC {#client_transports}).
 *
 * @throws RpcError when the server refuses, UnsupportedError for another kind of address, a system error or ConnectionClosed
 * when no server responds
 *
 * @example
 * ```ts
 * import { connect } from 'headgate';
 *
 * await using runtime = await connect('ws://127.0.0.1:4711/rpc', { token: process.env.HEADGATE_TOKEN, project: process.cwd() });
 * for (const { run, status } of await runtime.look('getRuns', { limit: 5 })) console.log(run, status);
 * ```
 */
export async function connect(url: string, options: ConnectOptions = {}): Promise<Runtime> {
  const { project, token, tls, command, env, ...connection } = options;
  const dial = dialOf(url, { token, tls, command, env });
  return await connectRuntime(dial, { ...connection, project: typeof project === 'object' ? project : projectOf(project) });
}

interface Way {
  readonly token: string | undefined;
  readonly tls: ClientTls | undefined;
  readonly command: readonly string[] | undefined;
  readonly env: NodeJS.ProcessEnv | undefined;
}

function dialOf(url: string, { token, tls, command, env }: Way): () => Promise<Transport> {
  const scheme = url.slice(0, url.indexOf(':') + 1);
  switch (scheme) {
    case 'unix:':
      return () => connectUnixSocket(resolve(url.slice(scheme.length)));
    case 'ws:':
    case 'wss:':
      return () => connectWebSocket(url, token, scheme === 'wss:' ? tls : undefined);
    case 'stdio:':
      return () => connectStdio(command ?? ['headgate', 'rpc', '--stdio'], env);
    default:
      throw UnsupportedError.because(`"${url}" is no address that can be connected to; it begins with ws:, wss:, unix: or stdio:`);
  }
}
