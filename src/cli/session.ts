import { ConnectionClosed, RpcClient, type Transport } from '../rpc/client/index.ts';
import type { MethodName, NotificationName, NotificationParamsOf, ParamsOf, ResultOf } from '../rpc/protocol/table.ts';
import { dial } from './dial.ts';
import { CliError } from './errors.ts';
import { EXIT } from './exit-codes.ts';
import type { Target } from './locate.ts';
import type { ProjectRef } from './project.ts';

type Handler = (params: never) => void;

/** How long a session that resumes looks for its server again. */
const RESUME_MS = 30_000;
const RETRY_MS = 250;

/**
 * A connection bound to a project. A session that resumes survives a restart of the server: it dials again, and whoever
 * reads from a cursor goes on from there (SPEC {#cli_resume}).
 */
export class Session {
  readonly #options: SessionOptions;
  readonly #client: { name: string; version: string };
  readonly #handlers = new Map<NotificationName, Set<Handler>>();
  readonly #reopened = new Set<() => void>();
  readonly #lost = new Set<(error: CliError) => void>();
  #rpc: RpcClient;
  #closed = false;
  #failure: CliError | undefined;
  #lastSeq = 0;

  private constructor(options: SessionOptions, transport: Transport) {
    this.#options = options;
    this.#client = { name: `cli:${process.pid}`, version: options.version };
    this.#rpc = new RpcClient(transport);
  }

  /** Connects and, with a project, binds to it. Throws a CliError with exit code 3 when nothing answers. */
  static async open(options: SessionOptions): Promise<Session> {
    const session = new Session(options, await (options.dial ?? dial)(options.locate()));
    session.#attach();
    try {
      await session.#init(session.#rpc);
    } catch (error) {
      session.close();
      throw error;
    }
    return session;
  }

  /** The connection as it is now; another one after a loss. */
  get rpc(): RpcClient {
    return this.#rpc;
  }

  /** Sequence number of the project's last event when the session began, or was resumed. */
  get lastSeq(): number {
    return this.#lastSeq;
  }

  /** Calls a method. Throws RpcError, or ConnectionClosed: what had been asked may have happened. */
  call<M extends MethodName>(method: M, params: ParamsOf<M>, options: { signal?: AbortSignal } = {}): Promise<ResultOf<M>> {
    return this.#rpc.call(method, params, options);
  }

  /** The same for a method that only looks: a call that a lost connection swallowed is made again. */
  async look<M extends MethodName>(method: M, params: ParamsOf<M>): Promise<ResultOf<M>> {
    while (true) {
      try {
        return await this.call(method, params);
      } catch (error) {
        if (!(error instanceof ConnectionClosed)) throw error;
        await this.whenOpen();
      }
    }
  }

  /** Listens to a notification, across reconnections; the answer takes the listener back. */
  on<N extends NotificationName>(name: N, handler: (params: NotificationParamsOf<N>) => void): () => void {
    let handlers = this.#handlers.get(name);
    if (!handlers) {
      handlers = new Set();
      this.#handlers.set(name, handlers);
      this.#forward(name, handlers);
    }
    const known = handlers;
    known.add(handler as Handler);
    return () => known.delete(handler as Handler);
  }

  /** Told when the connection was lost and is there again: its subscriptions are gone. */
  onReopened(listener: () => void): () => void {
    this.#reopened.add(listener);
    return () => this.#reopened.delete(listener);
  }

  /** Told once when the connection is gone for good. */
  onLost(listener: (error: CliError) => void): () => void {
    this.#lost.add(listener);
    return () => this.#lost.delete(listener);
  }

  /** Resolves when there is a connection. Throws when it is gone for good. */
  async whenOpen(): Promise<void> {
    if (this.#failure) throw this.#failure;
    if (this.#closed) throw new ConnectionClosed('closed');
    if (this.#rpc.open) return;
    const undo: (() => void)[] = [];
    try {
      await new Promise<void>((resolve, reject) => {
        undo.push(this.onReopened(resolve), this.onLost(reject));
      });
    } finally {
      for (const forget of undo) forget();
    }
  }

  /** Ends the session; nobody is told. */
  close(): void {
    this.#closed = true;
    this.#rpc.close();
  }

  async #init(rpc: RpcClient): Promise<void> {
    const { project } = this.#options;
    if (!project) return;
    const { lastSeq } = await rpc.call('init', { name: project.name, projectRoot: project.root, client: this.#client });
    this.#lastSeq = lastSeq;
  }

  #attach(): void {
    const rpc = this.#rpc;
    for (const [name, handlers] of this.#handlers) this.#forward(name, handlers);
    rpc.onClose((cause) => {
      if (!this.#closed) void this.#dropped(cause);
    });
  }

  #forward(name: NotificationName, handlers: ReadonlySet<Handler>): void {
    this.#rpc.on(name, (params) => {
      for (const handler of [...handlers]) handler(params as never);
    });
  }

  async #dropped(cause: string): Promise<void> {
    const { resume } = this.#options;
    if (resume) {
      resume('connection to the server lost; commands go on there. Waiting for it ...');
      const until = performance.now() + RESUME_MS;
      while (performance.now() < until && !this.#closed) {
        if (await this.#redial()) return;
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
    if (this.#closed) return;
    this.#closed = true;
    const why = cause === '' ? '' : ` (${cause})`;
    this.#failure = new CliError(
      `the connection to the server was lost${why}`,
      EXIT.unreachable,
      'commands go on without it; headgate ps shows them once it is back',
    );
    for (const listener of [...this.#lost]) listener(this.#failure);
  }

  async #redial(): Promise<boolean> {
    let rpc: RpcClient;
    try {
      rpc = new RpcClient(await (this.#options.dial ?? dial)(this.#options.locate()));
    } catch {
      return false;
    }
    try {
      await this.#init(rpc);
    } catch {
      rpc.close();
      return false;
    }
    if (this.#closed) {
      rpc.close();
      return true;
    }
    this.#rpc = rpc;
    this.#attach();
    this.#options.resume?.('connected again');
    for (const listener of [...this.#reopened]) listener();
    return true;
  }
}

export interface SessionOptions {
  /** Finds the server, again after every loss: a restarted one may listen elsewhere. */
  readonly locate: () => Target;
  /** Left out for methods that work before `init`. */
  readonly project?: ProjectRef;
  readonly version: string;
  /** How a target is reached; by socket or WebSocket when left out. */
  readonly dial?: (target: Target) => Promise<Transport>;
  /** Given: the session survives a restart of the server, and says so in these words. */
  readonly resume?: (notice: string) => void;
}
