import type { MethodName, NotificationName, NotificationParamsOf, ParamsOf, ResultOf } from '../protocol/table.ts';
import type { CallOptions } from './client.ts';
import { ConnectionClosed } from './errors.ts';
import { EventStream, type EventsOptions, type RuntimeEvent } from './event-stream.ts';
import { type FollowedChunk, type FollowOptions, follow, type StreamEnd } from './follow.ts';
import { type ConnectionOptions, type ConnectionState, Reconnecting } from './reconnecting.ts';
import type { Transport } from './transport.ts';

/** A runtime that is driven from here: one behind a connection, or one in this process (SPEC {#client_runtime}). */
export interface Runtime extends AsyncDisposable {
  /** Sequence number of the project's last event when the connection began, or was there again. */
  readonly lastSeq: number;
  /**
   * Calls a method. While the connection is being looked for it waits: nothing has been sent then.
   *
   * @throws RpcError with what the server answered, UnsupportedError for what cannot be done here, ConnectionClosed when the
   * connection was lost before the answer: what had been asked may have happened
   */
  call<M extends MethodName>(method: M, params: ParamsOf<M>, options?: CallOptions): Promise<ResultOf<M>>;
  /** The same for a method that only reads: a call that a lost connection swallowed is made again. */
  look<M extends MethodName>(method: M, params: ParamsOf<M>, options?: CallOptions): Promise<ResultOf<M>>;
  /**
   * What happens, each event once and in order of `seq`, also over a lost connection; `replay/synced` once, where the present
   * begins. It subscribes at once and not at the first `next`; a slow reader costs a few MiB. Ends with `close`, and with the
   * deletion of the run; throws RpcError, ConnectionClosed, or the reason of `signal`.
   */
  events(options?: EventsOptions): AsyncIterableIterator<RuntimeEvent>;
  /**
   * Reads a command's output from a cursor to its end, live: every byte once, in order within a channel, also over a lost
   * connection. Returns how the command ended. A slow reader costs a few MiB.
   *
   * @param path - that of the log entry
   * @throws RpcError, StreamClosed, ConnectionClosed, or the reason of `signal`
   */
  follow(run: string, path: string, options?: FollowOptions): AsyncGenerator<FollowedChunk, StreamEnd, void>;
  /**
   * Listens to a notification as it comes: what happens while the connection is away is missed, and while `events` are open each of
   * them brings a copy of its own. The answer takes the listener back.
   */
  on<N extends NotificationName>(name: N, handler: (params: NotificationParamsOf<N>) => void): () => void;
  /** Told when the connection is lost and when it is there again. The answer takes the listener back. */
  onConnection(listener: (state: ConnectionState) => void): () => void;
  /** Ends the connection: waiting calls and `follow` end with ConnectionClosed, `events` just ends. Commands and loops go on. */
  close(): Promise<void>;
}

/**
 * A runtime behind the connections that `dial` opens: the first one now, another one whenever it is lost.
 *
 * @throws what `dial` throws, RpcError when the server refuses, ConnectionClosed
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
