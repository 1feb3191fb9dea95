import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { HeadgateError, isHeadgateError, messageOf, systemCode } from '../../core/errors.ts';
import { LIMITS } from '../protocol/shapes.ts';
import { type AccessPolicy, checkHost, checkOrigin, type GrantedScope, isLoopbackHost, scopeOf, type TokenGrant } from './access.ts';
import type { MessageChannelLike } from './transports/message-channel.ts';
import { WebSocketChannel } from './transports/websocket.ts';

/** Where the WebSocket is. */
export const RPC_PATH = '/rpc';

export interface HttpOptions {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  /** Must be true for a host that other machines reach. */
  readonly allowRemote: boolean;
  readonly tokens: readonly TokenGrant[];
  readonly allowedOrigins: readonly string[];
  readonly version: string;
  /** Between two pings, milliseconds. */
  readonly pingMs: number | undefined;
  readonly accept: (channel: MessageChannelLike, scope: GrantedScope) => void;
}

/** An HTTP server that listens. */
export interface ListeningHttp {
  readonly port: number;
  /** No new connections; resolves when the last WebSocket has ended, which is for its session to do. */
  close(): Promise<void>;
}

/**
 * HTTP on one port: the WebSocket at /rpc, GET /healthz, and JSON errors for the rest (SPEC {#transport_ws}, {#access}).
 * Throws `forbidden` for a host that is not loopback and was not asked for, `conflict` for a port that is taken.
 */
export async function listenHttp(options: HttpOptions): Promise<ListeningHttp> {
  if (!options.allowRemote && !isLoopbackHost(options.host)) {
    throw new HeadgateError(
      'forbidden',
      `${options.host} is reached by other machines; the server listens there only when that is asked for explicitly`,
      {
        host: options.host,
      },
    );
  }
  const server = createServer();
  const port = await listen(server, options);
  const policy: AccessPolicy = { boundHost: options.host, port, allowedOrigins: options.allowedOrigins, tokens: options.tokens };
  server.on('request', (request, response) => serve(request, response, policy, options.version));
  const sockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: LIMITS.messageBytes,
    // The token's subprotocol must not be sent back.
    handleProtocols: (offered) => (offered.has('headgate') ? 'headgate' : false),
  });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy());
    let scope: GrantedScope;
    try {
      checkHost(request, policy);
      if (pathOf(request) !== RPC_PATH) throw new HeadgateError('not_found', `no WebSocket at ${pathOf(request)}; it is at ${RPC_PATH}`);
      checkOrigin(request, policy);
      scope = scopeOf(request, policy);
    } catch (error) {
      refuseUpgrade(socket, error);
      return;
    }
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      // An upgrade comes from node:http, whose connections are sockets.
      options.accept(new WebSocketChannel(webSocket, socket as Socket, options.pingMs), scope);
    });
  });
  return {
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
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

function serve(request: IncomingMessage, response: ServerResponse, policy: AccessPolicy, version: string): void {
  // A body is for none of what is served here; it is not read, so the connection cannot be used again.
  response.setHeader('connection', 'close');
  try {
    checkHost(request, policy);
    const path = pathOf(request);
    if (path === '/healthz' && (request.method === 'GET' || request.method === 'HEAD'))
      return sendJson(response, 200, { status: 'ok', version });
    if (path === RPC_PATH) {
      response.setHeader('upgrade', 'websocket');
      return sendJson(response, 426, errorBody(new HeadgateError('invalid_request', `${RPC_PATH} is a WebSocket; connect with ws://`)));
    }
    throw new HeadgateError(
      'not_found',
      `nothing at ${request.method} ${path.slice(0, 80)}; the WebSocket is at ${RPC_PATH}, GET /healthz says whether the server runs`,
    );
  } catch (error) {
    const known = isHeadgateError(error) ? error : new HeadgateError('internal', 'the request failed');
    sendJson(response, known.data.status, errorBody(known));
  }
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  const text = `${JSON.stringify(body)}\n`;
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
  });
  response.end(text);
}

function refuseUpgrade(socket: Duplex, error: unknown): void {
  const known = isHeadgateError(error) ? error : new HeadgateError('internal', 'the request failed');
  const { status } = known.data;
  const text = `${JSON.stringify(errorBody(known))}\n`;
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(text)}`,
    ...(status === 401 ? ['www-authenticate: Bearer'] : []),
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${text}`);
}

function errorBody(error: HeadgateError): object {
  return { error: { code: error.code, message: error.message, data: error.data } };
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? '/').split('?', 1)[0] ?? '/';
}
