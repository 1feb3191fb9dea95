import type { CallToolResult, Client, Progress, Tool, Transport } from '@modelcontextprotocol/client';
import { Backoff } from '../../core/backoff.ts';
import { messageOf } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type { McpServerSettings } from '../../model/mcp-servers.ts';
import { openTransport } from './transport.ts';

/** Pauses between attempts to connect, milliseconds: doubled each time. */
const RETRY = { firstMs: 1000, longestMs: 60_000 };
/** How long a server may take to greet and to list its tools. */
const CONNECT_LIMIT_MS = 30_000;
/** A call ends with its producer, not with a time of the library's: the longest that a timer can have. */
const NO_LIMIT_MS = 2 ** 31 - 1;

export interface McpCall {
  readonly tool: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  readonly signal: AbortSignal;
  progress(progress: Progress): void;
}

export interface ConnectionOptions {
  readonly name: string;
  readonly settings: McpServerSettings;
  /** What a relative `cwd` begins at. */
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  readonly logger: Logger;
  /** Name and version that the server is told. */
  readonly client: { readonly name: string; readonly version: string };
  /** Told of its tools whenever they may have changed. */
  tools(tools: readonly Tool[]): void;
}

/**
 * The connection to one MCP server, made again whenever it is lost. Its tools stay known while it is away, so that what a
 * model is offered does not change with every hiccup.
 */
export class McpConnection {
  readonly #options: ConnectionOptions;
  readonly #ended = new AbortController();
  #client: Client | undefined;
  #problem: string | undefined;
  #attempt: Promise<void>;
  /** By the token that a call carries. */
  readonly #progress = new Map<string, (progress: Progress) => void>();
  #calls = 0;
  #timer: NodeJS.Timeout | undefined;
  readonly #pauses = new Backoff(RETRY);

  /** Begins to connect at once. */
  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#attempt = this.#connect();
  }

  /** Why there is no connection; undefined while there is one, or while the first is being made. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Resolves once the attempt under way has come to an end, however. */
  async settled(): Promise<void> {
    await this.#attempt;
  }

  /** Calls a tool. Throws when there is no connection, when it is lost during the call, and the error that the server returns. */
  async call(call: McpCall): Promise<CallToolResult> {
    const client = await this.#connected();
    try {
      return await this.#ask(client, call);
    } catch (error) {
      if (!(await isForgotten(error))) throw error;
    }
    // The server refused the call without a look at it, so that it may be made once more.
    this.#lost(client, 'it does not know the session any more');
    // Closed afterwards, so that each other call over it gets its own response first.
    const next = await this.#connected().finally(() => client.close().catch(() => {}));
    return await this.#ask(next, call);
  }

  async #ask(client: Client, { tool, arguments: args, signal, progress }: McpCall): Promise<CallToolResult> {
    const progressToken = `headgate-${++this.#calls}`;
    this.#progress.set(progressToken, progress);
    const result = client.callTool({ name: tool, arguments: { ...args }, _meta: { progressToken } }, { signal, timeout: NO_LIMIT_MS });
    return await result.finally(() => this.#progress.delete(progressToken));
  }

  /** Ends the connection, and the program with it. */
  async close(): Promise<void> {
    this.#ended.abort();
    clearTimeout(this.#timer);
    await this.#attempt;
    await this.#client?.close().catch(() => {});
  }

  async #connect(): Promise<void> {
    const { name, settings, folder, env, logger } = this.#options;
    let client: Client | undefined;
    let transport: Transport | undefined;
    try {
      const sdk = await import('@modelcontextprotocol/client');
      const said = (line: string) => logger.debug({ mcp: name, line }, 'an MCP server wrote to its standard error');
      transport = closedOnce(await openTransport(settings, folder, env, { said }));
      client = new sdk.Client(this.#options.client, {
        capabilities: {},
        listChanged: { tools: { onChanged: (error, tools) => (error ? this.#warn(error) : this.#options.tools(tools ?? [])) } },
      });
      const opened = client;
      client.onclose = () => this.#lost(opened, 'it closed the connection');
      client.onerror = (error) => logger.debug({ mcp: name, error: messageOf(error) }, 'an MCP connection has an error');
      const limit = { timeout: CONNECT_LIMIT_MS, signal: this.#ended.signal };
      await client.connect(transport, limit);
      this.#listen(transport);
      const { tools } = await client.listTools(undefined, limit);
      this.#ended.signal.throwIfAborted();
      this.#client = client;
      this.#problem = undefined;
      this.#pauses.reset();
      this.#options.tools(tools);
    } catch (error) {
      await client?.close().catch(() => {});
      // The library does not wait for this end: a program that does not heed its signal would outlive the server.
      await transport?.close().catch(() => {});
      if (this.#ended.signal.aborted) return;
      this.#problem = messageOf(error);
      this.#warn(error);
      this.#again();
    }
  }

  /** Takes progress as it comes: the library hands it on later than the result that follows it, and then drops it. */
  #listen(transport: Transport): void {
    const deliver = transport.onmessage;
    transport.onmessage = (message, extra) => {
      const { method, params } = message as { method?: string; params?: Progress & { progressToken?: unknown } };
      const take = method === 'notifications/progress' ? this.#progress.get(String(params?.progressToken)) : undefined;
      if (take && params) take(params);
      else deliver?.(message, extra);
    };
  }

  #lost(client: Client, problem: string): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    this.#problem = problem;
    if (this.#ended.signal.aborted) return;
    this.#warn(new Error(problem));
    this.#again();
  }

  /** Connects first when there is no connection. Throws why there is none. */
  async #connected(): Promise<Client> {
    if (!this.#client) await this.#now();
    if (this.#client) return this.#client;
    throw new Error(`the MCP server "${this.#options.name}" cannot be reached: ${this.#problem ?? 'it was closed'}. It is tried again.`);
  }

  /** The attempt under way, or the next one without its pause. */
  async #now(): Promise<void> {
    if (this.#timer) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      this.#attempt = this.#connect();
    }
    await this.#attempt;
  }

  #again(): void {
    this.#timer = setTimeout(() => void this.#now(), this.#pauses.next());
    this.#timer.unref();
  }

  #warn(error: unknown): void {
    this.#options.logger.warn({ mcp: this.#options.name, error: messageOf(error) }, 'an MCP server cannot be reached; it is tried again');
  }
}

/** True for a server that does not know the session: 404, or 400 from those that hold one only and have not been greeted since they began. */
async function isForgotten(error: unknown): Promise<boolean> {
  const { SdkHttpError } = await import('@modelcontextprotocol/client');
  if (!(error instanceof SdkHttpError)) return false;
  return error.status === 404 || (error.status === 400 && /session|not initialized/i.test(error.message));
}

/** The same transport, whose `close` closes once: a second call waits for the first. */
function closedOnce(transport: Transport): Transport {
  const close = transport.close.bind(transport);
  let closing: Promise<void> | undefined;
  transport.close = () => (closing ??= close());
  return transport;
}
