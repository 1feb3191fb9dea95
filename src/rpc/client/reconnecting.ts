import { type Deferred, deferred } from '../../core/deferred.ts';
import { defined } from '../../core/defined.ts';
import { messageOf } from '../../core/errors.ts';
import type { NotificationName, NotificationParamsOf, ResultOf } from '../protocol/table.ts';
import { RpcClient } from './client.ts';
import { ConnectionClosed, DataReplaced, RpcError } from './errors.ts';
import type { Line, LineUser } from './line.ts';
import { NotificationHandlers } from './notification-handlers.ts';
import type { Transport } from './transport.ts';

/** How a server is reached and what for. */
export interface ConnectionOptions {
  /** Binds every connection to a project (`init`); without it only what works before `init` can be called. */
  readonly project?: { readonly name: string; readonly root: string };
  /** How the server calls this client in what it tells others. */
  readonly client?: { readonly name: string; readonly version?: string };
  /** Between two attempts to reach a server that was lost, milliseconds; 250 by default, eight times as much after ten seconds. */
  readonly retryMs?: number;
  /** How long a server that was lost is looked for, milliseconds; 30000 by default, 0 for not at all. */
  readonly giveUpMs?: number;
  /** Aborting it ends everything with its reason. */
  readonly signal?: AbortSignal;
}

/** What a listener is told about the connection. `final`: it will not be opened again. */
export interface ConnectionState {
  readonly open: boolean;
  /** In words; missing where there is nothing to say. */
  readonly reason?: string;
  readonly final?: true;
}

const RETRY_MS = 250;
const GIVE_UP_MS = 30_000;
/** After so long a server is not merely being restarted, and is asked less often. */
const EAGER_MS = 10_000;
const PATIENCE = 8;
/** How long a server may take to bind a connection. */
const BIND_MS = 30_000;
/** Errors of a server that may be others a moment later. */
const PASSING: ReadonlySet<string> = new Set(['overloaded', 'internal']);

/** What a connection has learnt of the server's data, to know them again. */
interface Data {
  readonly madeAt: number | undefined;
  readonly lastSeq: number;
}

/** One connection after the other to the same server and project, dialled again whenever one is lost (SPEC {#client_reconnect}). */
export class Reconnecting implements Line {
  readonly #dial: () => Promise<Transport>;
  readonly #options: ConnectionOptions;
  readonly #users = new Set<LineUser>();
  readonly #handlers = new NotificationHandlers();
  readonly #states = new Set<(state: ConnectionState) => void>();
  #rpc: RpcClient | undefined;
  /** The connection that is being bound to the project. */
  #binding: RpcClient | undefined;
  /** When the present connection began, and when the server was lost: monotonic milliseconds. */
  #openedAt = 0;
  #awaySince = 0;
  #next: Deferred<RpcClient> = deferred();
  #lost: Error | undefined;
  #data: Data = { madeAt: undefined, lastSeq: 0 };
  #scope: ResultOf<'init'>['scope'] | undefined;
  #seen = 0;
  #wake: (() => void) | undefined;
  #undoSignal: () => void = () => {};

  private constructor(dial: () => Promise<Transport>, options: ConnectionOptions) {
    this.#dial = dial;
    this.#options = options;
  }

  /** Makes the first connection. Throws what `dial` throws, RpcError, ConnectionClosed. */
  static async open(dial: () => Promise<Transport>, options: ConnectionOptions): Promise<Reconnecting> {
    const { signal } = options;
    signal?.throwIfAborted();
    const made = new Reconnecting(dial, options);
    const abort = () => made.#end(signal?.reason as Error);
    signal?.addEventListener('abort', abort, { once: true });
    made.#undoSignal = () => signal?.removeEventListener('abort', abort);
    try {
      await Promise.race([made.#connect(), made.#next.promise]);
      return made;
    } catch (error) {
      made.#end(error as Error);
      throw error;
    }
  }

  /** Sequence number of the project's last event when this connection began. */
  get lastSeq(): number {
    return this.#data.lastSeq;
  }

  /** What this connection may do; undefined where the server does not say. */
  get scope(): ResultOf<'init'>['scope'] | undefined {
    return this.#scope;
  }

  get seenSeq(): number {
    return this.#seen;
  }

  /** Why there will be no connection any more. */
  get failure(): Error | undefined {
    return this.#lost;
  }

  /** The connection, waiting for it while it is being looked for. Throws the error that ended it finally, or the signal's reason. */
  async ready(signal?: AbortSignal): Promise<RpcClient> {
    signal?.throwIfAborted();
    if (this.#lost) throw this.#lost;
    if (this.#rpc) return this.#rpc;
    if (!signal) return await this.#next.promise;
    const aborted = deferred<never>();
    const abort = () => aborted.reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    try {
      return await Promise.race([this.#next.promise, aborted.promise]);
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  join(user: LineUser): () => void {
    this.#users.add(user);
    if (this.#lost) user.lost(this.#lost);
    else if (this.#rpc) user.opened(this.#rpc);
    return () => void this.#users.delete(user);
  }

  /** Listens to a notification of every connection; returns a function that removes the listener. */
  on<N extends NotificationName>(name: N, handler: (params: NotificationParamsOf<N>) => void): () => void {
    return this.#handlers.on(name, handler);
  }

  /** Calls `listener` when the connection is lost and when it is open again; returns a function that removes the listener. */
  onState(listener: (state: ConnectionState) => void): () => void {
    this.#states.add(listener);
    return () => void this.#states.delete(listener);
  }

  /** Ends it finally, and resolves when the connection has ended. */
  async close(): Promise<void> {
    const rpc = this.#rpc;
    this.#end(new ConnectionClosed('it was closed here', { final: true, here: true }));
    if (rpc) await new Promise<void>((resolve) => void rpc.onClose(() => resolve()));
  }

  /** Dials and binds; what came before is of no use then. */
  async #connect(): Promise<void> {
    const transport = await this.#dial();
    const rpc = new RpcClient(transport);
    this.#binding = rpc;
    rpc.onNotification((name, params) => this.#told(name, params));
    try {
      this.#requireNotOver();
      await this.#bind(rpc);
      this.#requireNotOver();
    } catch (error) {
      rpc.close();
      throw error;
    } finally {
      this.#binding = undefined;
    }
    this.#rpc = rpc;
    this.#openedAt = performance.now();
    this.#next.resolve(rpc);
    // Perhaps at once.
    rpc.onClose((reason) => this.#closed(rpc, reason));
  }

  #requireNotOver(): void {
    if (this.#lost) throw this.#lost;
  }

  async #bind(rpc: RpcClient): Promise<void> {
    const { project, client } = this.#options;
    if (!project) return;
    const params = { name: project.name, projectRoot: project.root, ...defined({ client }) };
    // Events of the new connection may come with the answer, and count already when that is looked at.
    const told = this.#seen;
    const silence = setTimeout(() => rpc.close(), BIND_MS);
    const { lastSeq, madeAt, scope } = await rpc.call('init', params).finally(() => clearTimeout(silence));
    const before = this.#data;
    if (before.madeAt !== undefined && madeAt !== undefined && madeAt !== before.madeAt) {
      throw new DataReplaced('the server has other data than before; connect again and read the present state');
    }
    if (lastSeq < told) {
      throw new DataReplaced(
        `the server knows ${lastSeq} events and has told of ${told}: its data are older than before; connect again and read the present state`,
      );
    }
    this.#data = { madeAt, lastSeq };
    this.#scope = scope;
    this.#seen = Math.max(this.#seen, lastSeq);
  }

  #told(name: string, params: unknown): void {
    if (typeof params === 'object' && params !== null && 'seq' in params && typeof params.seq === 'number') {
      this.#seen = Math.max(this.#seen, params.seq);
    }
    this.#handlers.tell(name, params);
  }

  #closed(rpc: RpcClient, reason: string): void {
    if (this.#rpc !== rpc) return;
    this.#rpc = undefined;
    this.#next = deferred();
    for (const user of [...this.#users]) user.closed();
    const final = (this.#options.giveUpMs ?? GIVE_UP_MS) <= 0;
    if (final) return this.#end(new ConnectionClosed(reason, { final }));
    this.#tell({ open: false, ...(reason === '' ? {} : { reason }) });
    const now = performance.now();
    // One that ends as soon as it is there was no return.
    const brief = this.#awaySince > 0 && now - this.#openedAt < (this.#options.retryMs ?? RETRY_MS);
    if (!brief) this.#awaySince = now;
    void this.#reconnect(reason, brief);
  }

  async #reconnect(reason: string, pauseFirst: boolean): Promise<void> {
    const { retryMs = RETRY_MS, giveUpMs = GIVE_UP_MS } = this.#options;
    let why = reason;
    for (let pause = pauseFirst; ; pause = true) {
      if (pause) {
        const awayMs = performance.now() - this.#awaySince;
        const pauseMs = awayMs < EAGER_MS ? retryMs : retryMs * PATIENCE;
        if (awayMs + pauseMs > giveUpMs) return this.#end(new ConnectionClosed(why, { final: true }));
        await this.#pause(pauseMs);
        if (this.#lost) return;
      }
      try {
        await this.#connect();
        break;
      } catch (error) {
        if (this.#lost) return;
        if (error instanceof DataReplaced) return this.#end(error);
        if (error instanceof RpcError && !PASSING.has(error.kind)) {
          return this.#end(new ConnectionClosed(error.message, { final: true, cause: error }));
        }
        why = messageOf(error);
      }
    }
    const rpc = this.#rpc;
    if (!rpc) return;
    this.#tell({ open: true });
    for (const user of [...this.#users]) if (this.#rpc === rpc) user.opened(rpc);
  }

  /** Waits, at most until it has ended finally. */
  async #pause(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = undefined;
  }

  #end(error: Error): void {
    if (this.#lost) return;
    this.#lost = error;
    this.#undoSignal();
    this.#wake?.();
    const rpc = this.#rpc;
    this.#rpc = undefined;
    for (const user of [...this.#users]) {
      if (rpc) user.closed();
      user.lost(error);
    }
    rpc?.close();
    this.#binding?.close();
    this.#next.reject(error);
    this.#tell({ open: false, reason: messageOf(error), final: true });
  }

  #tell(state: ConnectionState): void {
    for (const listener of [...this.#states]) listener(state);
  }
}
