import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { createMcpHandler, type McpServer, WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/server';
import { testServer } from './tools.mjs';

interface Handler {
  fetch(request: Request): Promise<Response>;
  close(): Promise<void>;
}

const make = testServer as (notes: string) => McpServer;

/** Sessions with the test server, which can be forgotten as by a restart. */
export function sessions(notes: string): Handler & { forget(answer: { status: number; text: string }): Promise<void> } {
  const transports = new Map<string, WebStandardStreamableHTTPServerTransport>();
  let unknown = { status: 404, text: 'Session not found' };
  const end = async () => {
    for (const transport of transports.values()) await transport.close();
    transports.clear();
  };
  return {
    fetch: async (request) => {
      const id = request.headers.get('mcp-session-id');
      if (id !== null) {
        const { status, text: message } = unknown;
        const refusal = { jsonrpc: '2.0', error: { code: -32000, message }, id: null };
        return (await transports.get(id)?.handleRequest(request)) ?? Response.json(refusal, { status });
      }
      const transport = new WebStandardStreamableHTTPServerTransport({
        sessionIdGenerator: randomUUID,
        onsessioninitialized: (begun) => void transports.set(begun, transport),
      });
      await make(notes).connect(transport);
      return await transport.handleRequest(request);
    },
    forget: async (answer) => {
      unknown = answer;
      await end();
    },
    close: end,
  };
}

/** The test server over HTTP on a free port of the loopback; only with this bearer token. Without a handler it has no sessions. */
export async function mcpHttpServer(
  notes: string,
  token: string,
  handler: Handler = createMcpHandler(() => make(notes)),
): Promise<{ url: string; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    if (request.headers.authorization !== `Bearer ${token}`) return void response.writeHead(401).end();
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const gone = new AbortController();
      response.on('close', () => gone.abort());
      const body = chunks.length === 0 ? null : Buffer.concat(chunks);
      const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
      const asked = new Request(`http://127.0.0.1${request.url}`, { method: request.method ?? 'GET', headers, body, signal: gone.signal });
      void handler.fetch(asked).then((answer) => {
        response.writeHead(answer.status, Object.fromEntries(answer.headers));
        if (answer.body)
          Readable.fromWeb(answer.body as never)
            .on('error', () => {})
            .pipe(response);
        else response.end();
      });
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    close: async () => {
      await handler.close();
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}
