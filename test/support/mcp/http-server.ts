import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { createMcpHandler, type McpServer } from '@modelcontextprotocol/server';
import { testServer } from './tools.mjs';

/** The test server over HTTP on a free port of the loopback; only with this bearer token. */
export async function mcpHttpServer(notes: string, token: string): Promise<{ url: string; close(): Promise<void> }> {
  const handler = createMcpHandler(() => (testServer as (notes: string) => McpServer)(notes));
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
