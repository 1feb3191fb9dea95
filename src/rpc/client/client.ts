import { JSONRPCClient, type JSONRPCResponse } from 'json-rpc-2.0';
import { HeadgateError, isHeadgateError, messageOf } from '../../core/errors.ts';
import { CARRIAGE_HEADER_BYTES, type CarriageHeader, readCarriageHeader } from '../protocol/carriage.ts';
import type { MethodName, NotificationName, NotificationParamsOf, ParamsOf, ResultOf } from '../protocol/table.ts';
import { ConnectionClosed, rpcError } from './errors.ts';
import { type FollowedChunk, type FollowOptions, follow, type StreamEnd } from './follow.ts';
import { lineOf } from './line.ts';
import { NotificationHandlers } from './notification-handlers.ts';
import type { Transport } from './transport.ts';

/** Output as it came in a binary message. */
export interface OutputFrame extends CarriageHeader {
  readonly bytes: Uint8Array;
}

export interface CallOptions {
  /** Aborting it sends `$/cancelRequest`; the call then ends with the server's `cancelled`. */
  readonly signal?: AbortSignal;
  /** The span of the caller that this call is part of, as W3C Trace Context writes it (SPEC {#traces}). */
  readonly traceparent?: string | undefined;
}

/**
 * A typed client over any transport; methods, params and results are those of the method table. It imports nothing of
 * Node, so a browser can load it.
 */
export class RpcClient {
  readonly #transport: Transport;
  readonly #rpc: JSONRPCClient;
  readonly #handlers = new NotificationHandlers();
  readonly #listeners = new Set<(name: string, params: unknown) => void>();
  readonly #frameHandlers = new Set<(frame: OutputFrame) => void>();
  readonly #closeHandlers = new Set<(reason: string) => void>();
  #answerer: Answerer | undefined;
  #lastId = 0;
  #closed: string | undefined;

  /** Takes over an open transport. Listeners that are set on the same tick miss nothing, the greeting included. */
  constructor(transport: Transport) {
    this.#transport = transport;
    this.#rpc = new JSONRPCClient((message) => transport.send(JSON.stringify(message)));
    queueMicrotask(() => {
      transport.onBinary?.((message) => this.#receiveBinary(message));
      transport.onMessage((message) => this.#receive(message));
    });
    transport.onClose((reason) => this.#ended(reason));
  }

  /** True until the connection has ended. */
  get open(): boolean {
    return this.#closed === undefined;
  }

  /**
   * Calls a method.
   *
   * @throws RpcError with the error that the server returned, ConnectionClosed when the connection ends before the response
   */
  async call<M extends MethodName>(method: M, params: ParamsOf<M>, options: CallOptions = {}): Promise<ResultOf<M>> {
    const { signal, traceparent } = options;
    if (this.#closed !== undefined) throw new ConnectionClosed(this.#closed);
    signal?.throwIfAborted();
    const id = ++this.#lastId;
    const cancel = () => this.#rpc.notify('$/cancelRequest', { id });
    signal?.addEventListener('abort', cancel, { once: true });
    let response: JSONRPCResponse;
    try {
      response = await this.#rpc.requestAdvanced({
        jsonrpc: '2.0',
        id,
        method,
        params: traceparent === undefined ? params : { ...params, _meta: { traceparent } },
      });
    } finally {
      signal?.removeEventListener('abort', cancel);
    }
    if (!response.error) return response.result as ResultOf<M>;
    if (this.#closed !== undefined && response.error.data === undefined) throw new ConnectionClosed(this.#closed);
    throw rpcError(response.error);
  }

  /** Listens to a notification; returns a function that removes the listener. */
  on<N extends NotificationName>(name: N, handler: (params: NotificationParamsOf<N>) => void): () => void {
    return this.#handlers.on(name, handler);
  }

  /** Listens to every notification; returns a function that removes the listener. */
  onNotification(listener: (name: string, params: unknown) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** True when output can come in binary messages (SPEC {#raw_carriage}). */
  get carriesBinary(): boolean {
    return this.#transport.onBinary !== undefined;
  }

  /** Listens to output frames of the raw carriage; returns a function that removes the listener. */
  onFrame(handler: (frame: OutputFrame) => void): () => void {
    this.#frameHandlers.add(handler);
    return () => void this.#frameHandlers.delete(handler);
  }

  /** Handles the server's own requests, begun in the order in which they come; without it they are refused. */
  answer(answerer: Answerer): void {
    this.#answerer = answerer;
  }

  /** Calls the listener once the connection has ended, at once if it already has. Returns a function that removes the listener. */
  onClose(handler: (reason: string) => void): () => void {
    if (this.#closed !== undefined) handler(this.#closed);
    else this.#closeHandlers.add(handler);
    return () => void this.#closeHandlers.delete(handler);
  }

  /**
   * Reads a producer's output from a cursor to its end, live: every byte once, in order within a channel. Returns how
   * the producer ended. A slow reader costs a few MiB: the subscription is given up and taken up again at the cursor.
   *
   * @throws RpcError, ConnectionClosed
   */
  follow(run: string, path: string, options: FollowOptions = {}): AsyncGenerator<FollowedChunk, StreamEnd, void> {
    return follow(lineOf(this), run, path, options);
  }

  /** Ends the connection. */
  close(): void {
    this.#transport.close();
  }

  #receive(text: string): void {
    let message: unknown;
    try {
      message = JSON.parse(text);
    } catch {
      this.#transport.close();
      return this.#ended('the server sent something that is not JSON');
    }
    for (const one of Array.isArray(message) ? message : [message]) {
      if (typeof one !== 'object' || one === null) continue;
      if ('method' in one && 'id' in one) void this.#serve(one as ServerRequest);
      else if ('method' in one) this.#notify(one as { method: string; params?: unknown });
      else this.#rpc.receive(one as JSONRPCResponse);
    }
  }

  #receiveBinary(message: Uint8Array): void {
    let frame: OutputFrame;
    try {
      frame = { ...readCarriageHeader(message), bytes: message.subarray(CARRIAGE_HEADER_BYTES) };
    } catch {
      this.#transport.close();
      return this.#ended('the server sent a frame that cannot be read');
    }
    for (const handler of [...this.#frameHandlers]) handler(frame);
  }

  async #serve(request: ServerRequest): Promise<void> {
    this.#transport.send(await answerRequest(request, this.#answerer));
  }

  #notify({ method, params }: { method: string; params?: unknown }): void {
    for (const listener of [...this.#listeners]) listener(method, params);
    this.#handlers.tell(method, params);
  }

  #ended(reason: string): void {
    if (this.#closed !== undefined) return;
    this.#closed = reason;
    this.#rpc.rejectAllPendingRequests(reason);
    for (const handler of [...this.#closeHandlers]) handler(reason);
    this.#closeHandlers.clear();
  }
}

/** A request that the server sends to a client. */
interface ServerRequest {
  readonly id: string | number | null;
  readonly method: string;
  readonly params?: unknown;
}

/** Handles one request of the server; what it throws is the error that the server gets. */
type Answerer = (method: string, params: unknown) => unknown;

/** The answer to a request of the server, as text. Calls the answerer before it returns. */
async function answerRequest({ id, method, params }: ServerRequest, answerer: Answerer | undefined): Promise<string> {
  try {
    if (!answerer) throw new HeadgateError('method_not_found', `this client handles no requests, so not ${method}`);
    return JSON.stringify({ jsonrpc: '2.0', id, result: (await answerer(method, params)) ?? {} });
  } catch (error) {
    const named = isHeadgateError(error) ? error : new HeadgateError('internal', messageOf(error));
    return JSON.stringify({ jsonrpc: '2.0', id, error: { code: named.code, message: named.message, data: named.data } });
  }
}
