import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import WebSocket from 'ws';
import { type HeadgateServer, serveHeadgate } from '../../src/compose/server.ts';
import type { Listening, RpcServerOptions } from '../../src/rpc/server/index.ts';
import { WireClient } from './built-server.ts';
import { type RpcHarness, rpcHarness } from './rpc-harness.ts';
import { tempFolder } from './temp-store.ts';

export const TOKEN = 'test-token-of-admin-scope';
export const READ_TOKEN = 'test-token-of-read-scope';

/** A server on real sockets in this process. */
export interface WireServer extends Listening {
  /** Path of its unix socket. */
  readonly socket: string;
  /** Its parts: store, streams, runtime; `accept` gives a producer that a client runs. */
  readonly parts: RpcHarness;
  /** Opens a WebSocket with the token, and calls init unless told not to. */
  connect(o?: { init?: boolean; token?: string }): Promise<WireClient>;
  close(): Promise<void>;
}

/** Starts a server on a free port and a unix socket, over a real store. */
export async function startServer(options: Partial<RpcServerOptions> = {}): Promise<WireServer> {
  const { folder, remove } = await tempFolder();
  const parts = await rpcHarness({
    tokens: [
      { token: TOKEN, scope: 'admin' },
      { token: READ_TOKEN, scope: 'read' },
    ],
    ...options,
  });
  const socket = join(folder, 'rpc.sock');
  const listening = await parts.server.listen({ port: 0 });
  await parts.server.listenUnix(socket);
  return {
    ...listening,
    socket,
    parts,
    connect: async ({ init = true, token = TOKEN } = {}) => {
      const client = new WireClient(openSocket(listening.url, { authorization: `Bearer ${token}` }));
      await once(client.socket, 'open');
      if (init) await client.call('init', { name: parts.project.name, projectRoot: parts.project.root });
      return client;
    },
    close: async () => {
      await parts.close();
      await remove();
    },
  };
}

/** A plain WebSocket with these headers. */
export function openSocket(url: string, headers: Record<string, string> = {}, protocols: string[] = []): WebSocket {
  return new WebSocket(url, protocols, { headers, perMessageDeflate: false });
}

/** How the server refuses an upgrade: status and JSON body. */
export async function refusal(
  socket: WebSocket,
): Promise<{ status: number; body: { error: { code: number; message: string; data: Record<string, unknown> } } }> {
  socket.on('error', () => {});
  const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage];
  let text = '';
  for await (const part of response) text += String(part);
  return { status: response.statusCode ?? 0, body: JSON.parse(text) as never };
}

/** The whole server as it is composed for users, in this process, on a folder of its own; results are checked against the table. */
export async function startHeadgate(): Promise<{
  server: HeadgateServer;
  root: string;
  connect(init?: boolean): Promise<WireClient>;
  close(): Promise<void>;
}> {
  const { folder, remove } = await tempFolder();
  const root = join(folder, 'project');
  await mkdir(root);
  const before = process.env['HEADGATE_CHECK_RESULTS'];
  process.env['HEADGATE_CHECK_RESULTS'] = '1';
  const server = await serveHeadgate({ data: join(folder, 'data'), port: 0, logLevel: 'silent', version: '1.2.3' });
  if (before === undefined) delete process.env['HEADGATE_CHECK_RESULTS'];
  else process.env['HEADGATE_CHECK_RESULTS'] = before;
  return {
    server,
    root,
    connect: (init = true) => WireClient.connect(server, init ? root : undefined),
    close: async () => {
      await server.close();
      await remove();
    },
  };
}
