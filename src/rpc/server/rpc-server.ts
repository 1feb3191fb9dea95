import type { AsyncLocalStorage } from 'node:async_hooks';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Server as SocketServer } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import type { Clock } from '../../core/clock.ts';
import { defined } from '../../core/defined.ts';
import { HeadgateError } from '../../core/errors.ts';
import type { Ids } from '../../core/ids.ts';
import type { Logger } from '../../core/logger.ts';
import { traceparentIn } from '../../core/trace-context.ts';
import { CALLER_LIMITS, type CallerLimits } from '../../model/caller-limits.ts';
import type { BackendCapabilities } from '../../model/ports/backend.ts';
import type { Store } from '../../model/ports/store.ts';
import type { EventRecord } from '../../model/records.ts';
import type { Said } from '../../model/said.ts';
import type { ServerObserver } from '../../model/server-observer.ts';
import { Redaction } from '../../redact/index.ts';
import type { Journal, Streams } from '../../stream/index.ts';
import { LIMITS } from '../protocol/shapes.ts';
import { type Grant, seesSecrets, type TokenGrant } from './access.ts';
import { AuditLog } from './audit.ts';
import { Begun } from './begun.ts';
import { EventSources } from './event-source/event-sources.ts';
import type { CallOrigin } from './handler.ts';
import { type ListeningHttp, listenHttp, RPC_PATH } from './http/http.ts';
import { PageFiles } from './http/page-files.ts';
import type { MetricsPage } from './http/probes.ts';
import type { Tls } from './http/tls.ts';
import { TrustedProxies } from './http/trusted-proxies.ts';
import type { ServerParts } from './parts.ts';
import { Projects } from './projects.ts';
import type { RuntimePort } from './runtime-port.ts';
import { Dispatcher } from './session/dispatch.ts';
import { RedactedEvents } from './session/redacted-events.ts';
import { RedactedText } from './session/redacted-text.ts';
import { Session } from './session/session.ts';
import { Turns } from './session/turns.ts';
import { TokenUse } from './token-use.ts';
import { CallStream, wantsEvents } from './transports/call-stream.ts';
import { HttpExchange } from './transports/http-exchange.ts';
import { LineChannel } from './transports/lines.ts';
import type { MessageChannelLike } from './transports/message-channel.ts';
import { listenOnSocket } from './transports/unix-socket.ts';
import type { WebSocketChannel } from './transports/websocket.ts';
import { TtySession } from './tty/tty-session.ts';

/** Callers that need no token: clients of the unix socket, and the process that the server runs in. */
const LOCAL: Grant = { name: 'local', scope: 'admin' };

export interface RpcServerOptions {
  readonly runtime: RuntimePort;
  readonly streams: Streams;
  readonly journal: Pick<Journal, 'onEvent'>;
  readonly store: Pick<Store, 'audit' | 'channels' | 'entries' | 'events' | 'madeAt' | 'projects' | 'runs' | 'tokens' | 'transaction'>;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  /** The server's version, as `headgate/hello` says it. */
  readonly version: string;
  /** Differs from one server process to the next. */
  readonly serverId: string;
  /** What WebSocket clients may present; the unix socket needs none, its file mode is its guard. */
  readonly tokens: readonly TokenGrant[];
  /** Origins of web pages that may connect beside loopback pages on the server's own port. */
  readonly allowedOrigins?: readonly string[];
  /** Where a proxy in front of this server is reached (SPEC {#proxy}). */
  readonly publicUrl?: URL;
  /** Addresses and networks of proxies whose X-Forwarded-For is believed; none by default (SPEC {#trusted_proxy}). */
  readonly trustedProxies?: readonly string[];
  /** Has the address of the client while its call is carried out; left out where nobody asks. */
  readonly from?: AsyncLocalStorage<string>;
  /** What runners of their own process are told of the limit on a command's output (bytes); 0 by default, for none. */
  readonly outputBytes?: number;
  readonly rest?: { readonly bytes: number; readonly ms: number };
  /** What the backends of the server's own runner can do now; none by default. Never throws. */
  readonly config?: () => object;
  readonly survey?: () => Promise<readonly BackendCapabilities[]>;
  /** What is masked for callers who may not see secrets; the known shapes by default (SPEC {#redaction}). */
  readonly redaction?: Redaction;
  /** Folder of the built portal; none by default. */
  readonly portal?: string;
  /** Told of calls and of refused requests; left out where nobody counts them (SPEC {#metrics}). */
  readonly observer?: ServerObserver;
  /** Spans are recorded, so it is kept where a call belongs; false when left out (SPEC {#traces}). */
  readonly traces?: boolean;
  /** What `/metrics` says; there is none where this is left out. */
  readonly metrics?: MetricsPage;
  /** Why the server cannot be used now, in one word; undefined when it can, which is the default (SPEC {#probes}). */
  readonly unready?: () => string | undefined;
  /** Checks every result against the method table; for tests. */
  readonly checkResults?: boolean;
  /** Between two pings of a WebSocket or an event stream, milliseconds; 15000 by default. */
  readonly pingMs?: number;
  /** What one connection or token may take, where it is another than by default. */
  readonly limits?: Partial<CallerLimits>;
  /** Serves an editor that speaks the Agent Client Protocol, and resolves when it has gone; calls `accept` for each connection to the server that it needs (SPEC {#acp_socket}). */
  readonly acp?: (channel: MessageChannelLike, accept: (channel: MessageChannelLike) => void) => Promise<void>;
  /** How long a terminal session's first message may take, milliseconds; 10000 by default. */
  readonly ttyFirstMs?: number;
}

/** Where an HTTP server listens. */
export interface Listening {
  readonly host: string;
  readonly port: number;
  /** `ws://…/rpc`, or `wss:` */
  readonly url: string;
  /** `http://…`, or `https:` */
  readonly http: string;
}

/**
 * The JSON-RPC server: takes connections from its transports, makes each a session, and hands every stored event to
 * the sessions of its project. It ends its own connections; runtime, streams and store belong to who made them.
 */
export class RpcServer {
  readonly #options: RpcServerOptions;
  readonly #parts: ServerParts;
  readonly #audit: AuditLog;
  readonly #tokenUse: TokenUse;
  readonly #sources: EventSources;
  readonly #dispatcher = new Dispatcher();
  readonly #page: PageFiles | undefined;
  readonly #proxies: TrustedProxies;
  readonly #sessions = new Set<Session>();
  readonly #terminals = new Set<TtySession>();
  readonly #editors = new Set<WebSocketChannel>();
  readonly #http: ListeningHttp[] = [];
  readonly #sockets: SocketServer[] = [];
  readonly #stopEvents: () => void;
  readonly #stopText: () => void;
  readonly #redactedText: RedactedText;
  #whenEmpty: (() => void) | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: RpcServerOptions) {
    this.#options = options;
    const { runtime, streams, store, clock, ids, logger, version, serverId } = options;
    const redaction = options.redaction ?? new Redaction();
    this.#audit = new AuditLog(store, logger, redaction);
    this.#tokenUse = new TokenUse({ tokens: store.tokens, clock, logger });
    const limits = { ...CALLER_LIMITS, ...options.limits };
    this.#parts = {
      limits,
      turns: new Turns(clock, limits),
      begun: new Begun({ store, clock, limits }),
      runtime,
      streams,
      store,
      redaction,
      redactedEvents: new RedactedEvents(redaction),
      audit: this.#audit,
      clock,
      ids,
      logger,
      version,
      serverId,
      outputBytes: options.outputBytes ?? 0,
      ...defined({ rest: options.rest, observer: options.observer, traces: options.traces, from: options.from }),
      config: options.config ?? (() => ({})),
      survey: options.survey ?? (() => Promise.resolve([])),
      checkResults: options.checkResults ?? false,
      tokenUse: this.#tokenUse,
      leave: (token) => this.#http.reduce((left, http) => left + http.leave(token), 0),
    };
    this.#proxies = new TrustedProxies(options.trustedProxies ?? []);
    if (options.portal !== undefined) this.#page = new PageFiles(options.portal);
    this.#sources = new EventSources(this.#parts, options.pingMs);
    this.#stopEvents = options.journal.onEvent((event) => this.#tell(event));
    this.#redactedText = new RedactedText(redaction, (said) => this.#say(said, false));
    this.#stopText = runtime.onText((said) => {
      this.#say(said, true);
      this.#redactedText.say(said);
    });
  }

  /** Connections and event streams that are open. */
  get connections(): number {
    return this.#sessions.size + this.#terminals.size + this.#sources.size;
  }

  /** What is open now, by kind. */
  get load() {
    let [streamSubscriptions, eventSubscriptions] = [0, 0];
    for (const { subscriptions } of this.#sessions) {
      streamSubscriptions += subscriptions.streams;
      eventSubscriptions += subscriptions.events;
    }
    const [sessions, terminals, eventStreams] = [this.#sessions.size, this.#terminals.size, this.#sources.size];
    return { sessions, terminals, eventStreams, streamSubscriptions, eventSubscriptions };
  }

  /**
   * Listens for HTTP: WebSockets, single messages, event streams, probes (SPEC {#transport_ws}, {#transport_http}, {#transport_sse}, {#probes}).
   *
   * @param o - `host` is 127.0.0.1 by default; another than a loopback one needs `tls` or `allowRemote`. `port` 0 takes a free one.
   * @throws `conflict` for a port that is taken, `forbidden` for a host or port that is not permitted
   */
  async listen(o: { host?: string; port: number; allowRemote?: boolean; tls?: Tls }): Promise<Listening> {
    const host = o.host ?? '127.0.0.1';
    const page = this.#page;
    const http = await listenHttp({
      host,
      port: o.port,
      allowRemote: o.allowRemote ?? false,
      tls: o.tls,
      tokens: this.#options.tokens,
      byHash: (hash) => this.#grantOf(hash),
      allowedOrigins: this.#options.allowedOrigins ?? [],
      publicUrl: this.#options.publicUrl,
      proxies: this.#proxies,
      version: this.#options.version,
      unready: () => (this.#closing ? 'stopping' : this.#options.unready?.()),
      metrics: this.#options.metrics,
      refused: (error) => this.#options.observer?.refused(error),
      limits: this.#parts.limits,
      pingMs: this.#options.pingMs,
      accept: (channel, grant, request) => void this.accept(channel, grant, this.#originOf(request)),
      tty: (channel, request, grant) => this.#acceptTerminal(channel, request, grant),
      acp: (channel, grant, request) => this.#acceptEditor(channel, grant, request),
      post: (body, request, response, grant) => this.#post(body, request, response, grant),
      page: (request, response) => page?.serve(request, response) ?? false,
      source: (request, response, grant) => this.#sources.serve(request, response, grant),
    });
    this.#http.push(http);
    const authority = `${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}:${http.port}`;
    const s = o.tls ? 's' : '';
    return { host, port: http.port, url: `ws${s}://${authority}${RPC_PATH}`, http: `http${s}://${authority}` };
  }

  /**
   * Listens on a unix socket of mode 0600, one JSON message a line (SPEC {#transport_unix}).
   *
   * @throws `conflict` when a live server has the socket or the file is not a socket, `invalid_params` for a path that is too long
   */
  async listenUnix(path: string): Promise<void> {
    const server = await listenOnSocket(path, (socket) => {
      socket.setNoDelay(true);
      this.acceptLines(socket, socket);
    });
    this.#sockets.push(server);
  }

  /** Serves one client over a pair of byte streams, one JSON message a line: standard input and output, for example. */
  acceptLines(input: Readable, output: Writable): void {
    this.accept(new LineChannel({ input, output, maxBytes: LIMITS.messageBytes, probeMs: this.#options.pingMs }), LOCAL);
  }

  /** Serves one client over a channel; its session, unless the server is stopping. `grant` is the operator's when left out. */
  accept(channel: MessageChannelLike, grant: Grant = LOCAL, origin?: CallOrigin): Session | undefined {
    if (this.#closing) {
      channel.close('going_away');
      return undefined;
    }
    const session = new Session({
      channel,
      grant,
      parts: this.#parts,
      dispatcher: this.#dispatcher,
      ...defined({ origin }),
      closed: (ended) => {
        this.#sessions.delete(ended);
        if (this.#sessions.size === 0) this.#whenEmpty?.();
      },
    });
    this.#sessions.add(session);
    return session;
  }

  #originOf(request: IncomingMessage): CallOrigin {
    return { traceparent: traceparentIn(request.headers), address: this.#proxies.clientOf(request) };
  }

  /** Serves one terminal session, unless the server is stopping (SPEC {#tty_open}). */
  #acceptTerminal(channel: WebSocketChannel, request: IncomingMessage, grant: Grant): void {
    if (this.#closing) return channel.close('going_away');
    const firstMs = this.#options.ttyFirstMs;
    this.#terminals.add(
      new TtySession({ channel, request, grant, firstMs, parts: this.#parts, closed: (ended) => void this.#terminals.delete(ended) }),
    );
  }

  /** Serves one editor, unless the server is stopping. Its sessions have what its token allows (SPEC {#acp_socket}). */
  #acceptEditor(channel: WebSocketChannel, grant: Grant, request: IncomingMessage): void {
    const { acp } = this.#options;
    if (this.#closing || !acp) return channel.close('going_away');
    this.#editors.add(channel);
    void acp(channel, (session) => void this.accept(session, grant, { address: this.#proxies.clientOf(request) })).finally(() =>
      this.#editors.delete(channel),
    );
  }

  /** One message in a request of its own, and a session for as long (SPEC {#transport_http}). */
  #post(body: Buffer, request: IncomingMessage, response: ServerResponse, grant: Grant): void {
    const project = new Projects(this.#parts.store.projects, grant).ofRequest(request);
    if (wantsEvents(request)) {
      const stream = new CallStream({ request, response, pingMs: this.#options.pingMs, body });
      const session = this.accept(stream, grant);
      if (project) session?.bind(project, 'http');
      stream.ask(() => session?.project && session.events.start());
      return;
    }
    const exchange = new HttpExchange(response);
    const session = this.accept(exchange, grant, this.#originOf(request));
    if (project) session?.bind(project, 'http');
    exchange.ask(body);
  }

  /** Takes no more connections, ends those that are open, and resolves when they have ended. Calling it twice is harmless. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#stopEvents();
    this.#stopText();
    this.#redactedText.close();
    const servers = [
      ...this.#http.map((http) => http.close()),
      ...this.#sockets.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))),
    ];
    const empty = new Promise<void>((resolve) => {
      this.#whenEmpty = resolve;
      if (this.#sessions.size === 0) resolve();
    });
    for (const editor of this.#editors) editor.close('going_away');
    for (const session of [...this.#sessions, ...this.#terminals]) session.close();
    await Promise.all([empty, ...servers]);
    this.#audit.flush();
  }

  /** What the token with this hash allows, if there is one. Throws `unauthenticated` once its time is over. */
  #grantOf(hash: string): Grant | undefined {
    const { store, clock } = this.#options;
    const token = store.tokens.byHash(hash);
    if (!token) return undefined;
    const { name, scope, projects, ownRuns, expiresAt } = token;
    const leftMs = expiresAt === null ? undefined : expiresAt - clock.now();
    if (expiresAt !== null && leftMs !== undefined && leftMs <= 0) {
      const since = new Date(expiresAt).toISOString();
      throw new HeadgateError(
        'unauthenticated',
        `the token "${name}" expired at ${since}; the owner of the server makes another with token/add`,
      );
    }
    this.#tokenUse.used(name);
    return {
      name,
      added: true,
      scope,
      ...(projects ? { projects } : {}),
      ...(ownRuns ? { ownRuns: hash } : {}),
      ...defined({ leftMs }),
    };
  }

  /** Hands on what a model says, to those who may see secrets or to the others. */
  #say(said: Said, secrets: boolean): void {
    for (const session of this.#sessions) {
      if (session.sees(said) && seesSecrets(session.scope) === secrets) session.say(said);
    }
  }

  #tell(event: EventRecord): void {
    for (const session of this.#sessions) if (session.sees(event)) session.offer(event);
    this.#sources.offer(event);
  }
}
