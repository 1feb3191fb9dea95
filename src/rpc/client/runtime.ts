import type { MethodName, NotificationName, NotificationParamsOf, ParamsOf, ResultOf } from '../protocol/table.ts';
import type { CallOptions } from './client.ts';
import { ConnectionClosed } from './errors.ts';
import { EventStream, type EventsOptions, type RuntimeEvent } from './event-stream.ts';
import { type FollowedChunk, type FollowOptions, follow, type StreamEnd } from './follow.ts';
import { type ConnectionOptions, type ConnectionState, Reconnecting } from './reconnecting.ts';
import type { Transport } from './transport.ts';

/** A runtime that is driven from here: one behind a connection, or one in this process (SPEC {#client_runtime}). */
export interface Runtime extends AsyncDisposable {
  /** Sequence number of the project's last event at the time when the connection was opened, or opened again. */
  readonly lastSeq: number;
  /** False for a token that may only look (SPEC {#session}): what would change something is refused. */
  readonly mayAct: boolean;
  /**
   * Calls a method. While the connection is lost, the call waits for the next one before it is sent.
   *
   * @throws RpcError with the error that the server returned, UnsupportedError for what cannot be done here, ConnectionClosed when the
   * connection was lost before the response: the server may have carried the call out
   */
  call<M extends MethodName>(method: M, params: ParamsOf<M>, options?: CallOptions): Promise<ResultOf<M>>;
  /** Calls a method that only reads: a call whose response was lost with the connection is made again. */
  look<M extends MethodName>(method: M, params: ParamsOf<M>, options?: CallOptions): Promise<ResultOf<M>>;
  /**
   * Yields each event once and in order of `seq`, also over a lost connection; `replay/synced` comes once, between the stored events
   * and the live ones. The subscription is made by this call, not by the first `next`; a slow reader costs a few MiB. Ends with
   * `close`, and with the deletion of the run; throws RpcError, ConnectionClosed, or the reason of `signal`.
   *
   * @example
   * ```ts
   * import { connect } from 'headgate';
   *
   * await using runtime = await connect('unix:/run/user/1000/headgate.sock');
   * for await (const { name, params } of runtime.events()) {
   *   if (name === 'run/proposal') console.log(`${params.run} asks: ${params.summary}`);
   * }
   * ```
   */
  events(options?: EventsOptions): AsyncIterableIterator<RuntimeEvent>;
  /**
   * Reads a command's output from a cursor to its end, live: every byte once, in order within a channel, also over a lost
   * connection. Returns how the command ended. A slow reader costs a few MiB.
   *
   * @param path - that of the log entry
   * @throws RpcError, StreamClosed, ConnectionClosed, or the reason of `signal`
   *
   * @example
   * ```ts
   * import { connect } from 'headgate';
   *
   * await using runtime = await connect('unix:/run/user/1000/headgate.sock');
   * const { run } = await runtime.call('startRun', { model: 'scripted' });
   * const { path } = await runtime.call('sh', { run, command: 'make test' });
   * await runtime.call('run/resolve', { run, resolution: { path, action: 'accept' } });
   * for await (const { channel, bytes } of runtime.follow(run, path)) (channel === 1 ? process.stdout : process.stderr).write(bytes);
   * ```
   */
  follow(run: string, path: string, options?: FollowOptions): AsyncGenerator<FollowedChunk, StreamEnd, void>;
  /**
   * Calls `handler` with each notification of that name. Notifications that are sent while the connection is lost are missed, and
   * each open `events` brings a copy of its own. Returns a function that removes the handler.
   */
  on<N extends NotificationName>(name: N, handler: (params: NotificationParamsOf<N>) => void): () => void;
  /** Calls `listener` when the connection is lost, and when it is open again. Returns a function that removes the listener. */
  onConnection(listener: (state: ConnectionState) => void): () => void;
  /** Ends the connection: waiting calls and `follow` end with ConnectionClosed, `events` just ends. Commands and loops go on. */
  close(): Promise<void>;
}

/**
 * A runtime behind the connections that `dial` opens: the first one now, another one whenever it is lost.
 *
 * @throws what `dial` throws, RpcError when the server refuses, ConnectionClosed
 *
 * @example
 * ```ts
 * import { browserWebSocket, connectRuntime, type Runtime } from 'headgate/client';
 *
 * export function open(url: string, token: string, root: string): Promise<Runtime> {
 *   return connectRuntime(() => browserWebSocket(url, token), { project: { name: 'app', root }, giveUpMs: Number.POSITIVE_INFINITY });
 * }
 * ```
 */
export async function connectRuntime(dial: () => Promise<Transport>, options: ConnectionOptions = {}): Promise<Runtime> {
  return new RemoteRuntime(await Reconnecting.open(dial, options));
}

class RemoteRuntime implements Runtime {
  readonly #line: Reconnecting;

  constructor(line: Reconnecting) {
    this.#line = line;
  }

  get lastSeq(): number {
    return this.#line.lastSeq;
  }

  get mayAct(): boolean {
    return this.#line.scope !== 'read';
  }

  async call<M extends MethodName>(method: M, params: ParamsOf<M>, options: CallOptions = {}): Promise<ResultOf<M>> {
    const rpc = await this.#line.ready(options.signal);
    try {
      return await rpc.call(method, params, options);
    } catch (error) {
      if (error instanceof ConnectionClosed && this.#line.failure) throw this.#line.failure;
      throw error;
    }
  }

  async look<M extends MethodName>(method: M, params: ParamsOf<M>, options: CallOptions = {}): Promise<ResultOf<M>> {
    for (;;) {
      try {
        return await this.call(method, params, options);
      } catch (error) {
        if (!(error instanceof ConnectionClosed) || error.final) throw error;
      }
    }
  }

  events(options: EventsOptions = {}): AsyncIterableIterator<RuntimeEvent> {
    return new EventStream(this.#line, options);
  }

  follow(run: string, path: string, options: FollowOptions = {}): AsyncGenerator<FollowedChunk, StreamEnd, void> {
    return follow(this.#line, run, path, options);
  }

  on<N extends NotificationName>(name: N, handler: (params: NotificationParamsOf<N>) => void): () => void {
    return this.#line.on(name, handler);
  }

  onConnection(listener: (state: ConnectionState) => void): () => void {
    return this.#line.onState(listener);
  }

  close(): Promise<void> {
    return this.#line.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
