import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { type ErrorName, HeadgateError, messageOf, systemCode } from '../../../core/errors.ts';
import type { CallerLimits } from '../../../model/caller-limits.ts';
import { LIMITS } from '../../protocol/shapes.ts';
import { TTY_PATH } from '../../protocol/tty.ts';
import { TTY_CHUNK_BYTES, TTY_HEADER_BYTES } from '../../protocol/tty-frames.ts';
import { type AccessPolicy, allows, checkHost, checkOrigin, type Grant, grantOf, isLoopbackHost, type TokenGrant } from '../access.ts';
import { connectionRoom } from '../descriptors.ts';
import { EVENTS_PATH } from '../event-source/request.ts';
import type { MessageChannelLike } from '../transports/message-channel.ts';
import { WebSocketChannel } from '../transports/websocket.ts';
import { errorFacts, namedError, pathOf, sendError } from './http-answer.ts';
import { isCompressed, readBody } from './http-body.ts';
import { Newcomers } from './newcomers.ts';
import { type ProbeOptions, serveProbe } from './probes.ts';
import { Handshakes, type Tls } from './tls.ts';
import { TokenSockets } from './token-sockets.ts';
import type { TrustedProxies } from './trusted-proxies.ts';
import { WrongTokens } from './wrong-tokens.ts';

/** Where the WebSocket is. */
export const RPC_PATH = '/rpc';
/** Where editors speak the Agent Client Protocol over a WebSocket (SPEC {#acp_socket}). */
const ACP_PATH = '/acp';
const RUNS_PATH = '/runs/';

/**
 * Silence after which the kernel asks whether the peer is still there, ten times a second apart: less than the pause
 * between two pings, because it does not ask while something is unacknowledged (SPEC {#half_open}).
 */
const KEEP_ALIVE_MS = 4000;

/** How long a connection may take to agree on its encryption: until then it is not authenticated, and holds a file descriptor. */
const HANDSHAKE_MS = 10_000;

export interface HttpOptions extends ProbeOptions {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  /** Must be true for a host that other machines reach, unless connections are encrypted. */
  readonly allowRemote: boolean;
  /** Set: every connection is encrypted. */
  readonly tls?: Tls | undefined;
  readonly tokens: readonly TokenGrant[];
  /** The token with this SHA-256 (hex), of those that `headgate token add` made. */
  readonly byHash: (hash: string) => Grant | undefined;
  readonly allowedOrigins: readonly string[];
  readonly publicUrl?: URL | undefined;
  /** Who is believed to say for whom it asks. */
  readonly proxies: TrustedProxies;
  /** Told of every request that is refused. */
  readonly refused?: ((error: ErrorName) => void) | undefined;
  readonly limits: Pick<CallerLimits, 'unauthenticated' | 'authenticateMs' | 'wrongTokens'>;
  /** Between two pings, milliseconds. */
  readonly pingMs: number | undefined;
  readonly accept: (channel: MessageChannelLike, grant: Grant, request: IncomingMessage) => void;
  /** Serves a terminal session; its scope has been checked. */
  readonly tty: (channel: WebSocketChannel, request: IncomingMessage, grant: Grant) => void;
  /** Serves an editor; its scope has been checked. */
  readonly acp: (channel: WebSocketChannel, grant: Grant, request: IncomingMessage) => void;
  /** Responds to the body of a POST; throws before anything is sent, and not after. */
  readonly post: (body: Buffer, request: IncomingMessage, response: ServerResponse, grant: Grant) => void;
  /** Serves a file of the portal; false when the path is not one of them. */
  readonly page: (request: IncomingMessage, response: ServerResponse) => boolean;
  /** Serves an event stream; false when the path has none. Throws as `post` does. */
  readonly source: (request: IncomingMessage, response: ServerResponse, grant: Grant) => boolean;
}

/** Notes whose token a connection has brought. */
type Hold = (grant: Grant, socket: Socket) => void;

/** An HTTP server that listens. */
export interface ListeningHttp {
  readonly port: number;
  /** No new connections; resolves when the last WebSocket has ended, which is for its session to do. */
  close(): Promise<void>;
  /** Ends every connection that came with a token of this name; how many there were. */
  leave(token: string): number;
}

/**
 * HTTP on one port: WebSocket and POST at /rpc, terminal sessions at /tty, editors at /acp, event streams below /runs, the portal, what watches the server, and JSON
 * errors for the rest (SPEC {#transport_ws}, {#transport_http}, {#transport_sse}, {#portal_page}, {#access}).
 * Throws `forbidden` for a host that is not loopback and was not asked for, `conflict` for a port that is taken.
 */
export async function listenHttp(options: HttpOptions): Promise<ListeningHttp> {
  if (!options.allowRemote && !options.tls && !isLoopbackHost(options.host)) {
    throw new HeadgateError(
      'forbidden',
      `${options.host} is reached by other machines, and tokens would travel unencrypted; give --tls-cert and --tls-key, or --insecure-listen where something else encrypts`,
      {
        host: options.host,
      },
    );
  }
  const keepAlive = { keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS };
  const server = options.tls
    ? createTlsServer({ ...options.tls.options, ...keepAlive, handshakeTimeout: HANDSHAKE_MS })
    : createServer(keepAlive);
  const room = connectionRoom();
  if (room !== undefined) server.maxConnections = room;
  const newcomers = new Newcomers(server, options.limits);
  const port = await listen(server, options);
  const { host: boundHost, allowedOrigins, publicUrl, tokens, byHash } = options;
  const certifies = options.tls && ((name: string) => options.tls?.certifies(name) ?? false);
  const policy: AccessPolicy = { boundHost, port, allowedOrigins, publicUrl, tokens, byHash, certifies };
  const wrong = new WrongTokens(options.limits);
  const admit = (request: IncomingMessage) => wrong.watched(request, options.proxies.clientOf(request), () => admitted(request, policy));
  const held = new TokenSockets();
  const hold: Hold = (grant, socket) => {
    newcomers.known(socket);
    held.hold(grant, socket);
  };
  const handshakes = new Handshakes(server);
  server.on('request', (request, response) => void serve(request, response, { policy, admit }, options, hold));
  const sockets = webSockets(LIMITS.messageBytes);
  const endpoints = new Map<string, Endpoint>([
    [RPC_PATH, { server: sockets, accept: (channel, grant, request) => options.accept(channel, grant, request) }],
    [
      ACP_PATH,
      { server: sockets, what: 'editors', scope: 'read', accept: (channel, grant, request) => options.acp(channel, grant, request) },
    ],
    [
      TTY_PATH,
      {
        server: webSockets(TTY_HEADER_BYTES + TTY_CHUNK_BYTES),
        what: 'terminal sessions',
        scope: 'run',
        accept: (channel, grant, request) => options.tty(channel, request, grant),
      },
    ],
  ]);
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy());
    let grant: Grant;
    const path = pathOf(request);
    const endpoint = endpoints.get(path);
    try {
      checkHost(request, policy);
      if (!endpoint) {
        const where = `it is at ${RPC_PATH}, editors at ${ACP_PATH}, terminal sessions at ${TTY_PATH}`;
        throw new HeadgateError('not_found', `no WebSocket at ${path}; ${where}`);
      }
      grant = admit(request);
      requireScope(grant, endpoint);
      hold(grant, request.socket);
    } catch (error) {
      options.refused?.(namedError(error).kind);
      refuseUpgrade(socket, error);
      return;
    }
    endpoint.server.handleUpgrade(request, socket, head, (webSocket) => {
      // An upgrade comes from node:http, whose connections are sockets.
      endpoint.accept(new WebSocketChannel(webSocket, socket as Socket, options.pingMs), grant, request);
    });
  });
  return {
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
        // Those are no HTTP connections yet, and would be waited for.
        handshakes.close();
      }),
    leave: (token) => held.end(token),
  };
}

function webSockets(maxPayload: number): WebSocketServer {
  return new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload,
    // The token's subprotocol must not be sent back.
    handleProtocols: (offered) => (offered.has('headgate') ? 'headgate' : false),
  });
}

/** A path with a WebSocket. */
interface Endpoint {
  readonly server: WebSocketServer;
  /** What is there, where it needs a scope of its own. */
  readonly what?: string;
  readonly scope?: 'read' | 'run';
  readonly accept: (channel: WebSocketChannel, grant: Grant, request: IncomingMessage) => void;
}

function requireScope(grant: Grant, { what, scope }: Endpoint): void {
  if (scope === undefined || allows(grant.scope, scope)) return;
  throw new HeadgateError('forbidden', `${what} need a token of scope "${scope}"; this one has "${grant.scope}"`, { scope });
}

function listen(server: Server, { host, port }: HttpOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    server.on('error', (error) => reject(listenError(error, host, port)));
    server.listen({ host: host.replace(/^\[(.*)\]$/, '$1'), port, exclusive: true }, () => resolve((server.address() as AddressInfo).port));
  });
}

function listenError(error: Error, host: string, port: number): HeadgateError {
  const cause = { cause: error };
  switch (systemCode(error)) {
    case 'EADDRINUSE':
      return new HeadgateError(
        'conflict',
        `port ${port} on ${host} is taken; stop the program that has it, or choose another with --port (0: any free one)`,
        { host, port },
        cause,
      );
    case 'EACCES':
      return new HeadgateError(
        'forbidden',
        `port ${port} on ${host} is not permitted to this user; choose one from 1024 on with --port (0: any free one)`,
        { host, port },
        cause,
      );
    default:
      return new HeadgateError('invalid_params', `cannot listen on ${host}:${port}: ${messageOf(error)}`, { host, port }, cause);
  }
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  { policy, admit: admitOf }: { policy: AccessPolicy; admit: (request: IncomingMessage) => Grant },
  options: HttpOptions,
  hold: Hold,
): Promise<void> {
  try {
    checkHost(request, policy);
    const path = pathOf(request);
    const admit = () => {
      const grant = admitOf(request);
      hold(grant, request.socket);
      return grant;
    };
    if (serveProbe(request, response, options, admit)) return;
    if (options.page(request, response)) return;
    if (path === RPC_PATH && request.method === 'POST') {
      const grant = admitOf(request);
      if (isCompressed(request)) {
        return sendError(response, new HeadgateError('invalid_request', 'the body is compressed; send it as it is'), 415);
      }
      hold(grant, request.socket);
      return options.post(await readBody(request), request, response, grant);
    }
    if (path === RPC_PATH) {
      response.setHeader('upgrade', 'websocket');
      response.setHeader('allow', 'POST');
      return sendError(
        response,
        new HeadgateError('invalid_request', `${RPC_PATH} is a WebSocket and takes POST; connect with ws://, or send one message`),
        426,
      );
    }
    if (path === TTY_PATH || path === ACP_PATH) {
      response.setHeader('upgrade', 'websocket');
      return sendError(response, new HeadgateError('invalid_request', `${path} is a WebSocket; connect with ws://`), 426);
    }
    if (path.startsWith(RUNS_PATH) || path === EVENTS_PATH) {
      const grant = admitOf(request);
      if (!allows(grant.scope, 'read')) {
        throw new HeadgateError('forbidden', `event streams need a token of scope "read"; this one has "${grant.scope}"`, {
          scope: 'read',
        });
      }
      hold(grant, request.socket);
      if (options.source(request, response, grant)) return;
    }
    throw new HeadgateError(
      'not_found',
      `nothing at ${request.method} ${path.slice(0, 80)}; the WebSocket is at ${RPC_PATH}, which takes POST too, editors at ${ACP_PATH}, terminal sessions at ${TTY_PATH}; GET /events, /runs/{alias}/events and /runs/{alias}/channels/{path} are event streams, /healthz and /readyz say whether the server runs and can be used`,
    );
  } catch (error) {
    // A client that went away in the middle of its body is told nothing.
    options.refused?.(namedError(error).kind);
    if (response.headersSent || response.destroyed) response.destroy();
    else sendError(response, error);
  }
}

/** Who may go on: the checks of the WebSocket's upgrade. Throws `forbidden`, `unauthenticated`. */
function admitted(request: IncomingMessage, policy: AccessPolicy): Grant {
  checkOrigin(request, policy);
  return grantOf(request, policy);
}

function refuseUpgrade(socket: Duplex, error: unknown): void {
  const known = namedError(error);
  const { status } = known.data;
  const text = `${JSON.stringify({ error: errorFacts(known) })}\n`;
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(text)}`,
    ...(status === 401 ? ['www-authenticate: Bearer'] : []),
    'connection: close',
  ];
  // Nobody looks at an upgraded socket any more: left half open it would stay for as long as the other side likes.
  socket.once('finish', () => socket.destroy());
  socket.end(`${head.join('\r\n')}\r\n\r\n${text}`);
}
