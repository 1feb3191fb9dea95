import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { defined } from '../core/defined.ts';
import { connectRuntime, type Runtime } from '../rpc/client/index.ts';
import { type ProjectRef, projectOf } from '../rpc/node/index.ts';
import { dialIn } from './dial-in.ts';
import { type ClosedServer, openHeadgate } from './server.ts';

/** Who drives a runtime of this process, and where. */
export interface JoinOptions {
  /** The project's folder, or its name and root; the working directory by default. */
  readonly project?: string | ProjectRef;
  /** How this client is called in receipts and events. */
  readonly client?: { readonly name: string; readonly version?: string };
}

export interface OpenOptions extends JoinOptions {
  /** Folder of database, token and spool; made when missing, mode 0700. One runtime or server at a time has it. */
  readonly data: string;
  /** Configuration file (SPEC {#config}). */
  readonly config?: string;
  /** What is written to standard error as lines of JSON; `warn` by default. */
  readonly logLevel?: 'debug' | 'info' | 'warn' | 'error' | 'silent';
}

/** A runtime with its server in this process. */
export interface OwnRuntime extends Runtime {
  /** Another client of the same server, of another project perhaps; its `close` ends itself alone. */
  join(options?: JoinOptions): Promise<Runtime>;
}

/**
 * Opens a runtime in this process, on a data folder of its own: a whole server that listens nowhere (SPEC {#client_in_process}).
 * `close` ends it; commands go on and are taken up by the next server that opens the folder.
 *
 * @throws RpcError; a named error when the folder is in use, the database is another version's, or the configuration is wrong
 */
export async function openRuntime(options: OpenOptions): Promise<OwnRuntime> {
  const { data, config, logLevel = 'warn', ...place } = options;
  const server = await openHeadgate({ data: resolve(data), logLevel, version: version(), ...defined({ config }) });
  const join = ({ project, client }: JoinOptions = {}) =>
    connectRuntime(() => Promise.resolve(dialIn(server)), {
      project: typeof project === 'object' ? project : projectOf(project),
      giveUpMs: 0,
      ...defined({ client }),
    });
  try {
    return owning(await join(place), server, join);
  } catch (error) {
    await server.close();
    throw error;
  }
}

/** The same runtime, which ends its server with itself. */
function owning(runtime: Runtime, server: ClosedServer, join: OwnRuntime['join']): OwnRuntime {
  const close = async () => {
    await runtime.close();
    await server.close();
  };
  return {
    get lastSeq() {
      return runtime.lastSeq;
    },
    get mayAct() {
      return runtime.mayAct;
    },
    call: (method, params, options) => runtime.call(method, params, options),
    look: (method, params, options) => runtime.look(method, params, options),
    events: (options) => runtime.events(options),
    follow: (run, path, options) => runtime.follow(run, path, options),
    on: (name, handler) => runtime.on(name, handler),
    onConnection: (listener) => runtime.onConnection(listener),
    join,
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** The version of this package, whose file is above the sources and above what is built of them. */
function version(): string {
  const [file] = ['../../package.json', '../../../package.json']
    .map((path) => new URL(path, import.meta.url))
    .filter((path) => existsSync(path));
  return file === undefined ? 'unknown' : (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
