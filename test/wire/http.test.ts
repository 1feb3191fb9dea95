import { once } from 'node:events';
import { request } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type WebSocket from 'ws';
import { openSocket, READ_TOKEN, refusal, startServer, TOKEN, type WireServer } from '../support/server.ts';

let server: WireServer;
beforeEach(async () => {
  server = await startServer({ allowedOrigins: ['https://portal.example'] });
});
afterEach(() => server.close());

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

function get(
  path: string,
  options: { method?: string; host?: string; body?: string } = {},
): Promise<{ status: number; type: string | undefined; body: unknown }> {
  return new Promise((resolve, reject) => {
    const sent = request(
      `${server.http}${path}`,
      { method: options.method ?? 'GET', headers: options.host === undefined ? {} : { host: options.host } },
      (response) => {
        let text = '';
        response.on('data', (part: Buffer) => (text += part.toString()));
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            type: response.headers['content-type'],
            body: text === '' ? undefined : JSON.parse(text),
          }),
        );
      },
    );
    sent.on('error', reject);
    sent.end(options.body);
  });
}

async function opened(socket: WebSocket): Promise<WebSocket> {
  await once(socket, 'open');
  return socket;
}

async function closed(socket: WebSocket): Promise<void> {
  const done = once(socket, 'close');
  socket.close();
  await done;
}

describe('{#probes} whether the server can be used', () => {
  it('is said at /readyz without a token: 200, or 503 with the reason', async () => {
    expect(await get('/readyz')).toEqual({ status: 200, type: 'application/json', body: { status: 'ready', version: '1.2.3' } });
    expect((await get('/readyz', { host: 'evil.example' })).status).toBe(403);
    const full = await startServer({ unready: () => 'disk_full' });
    try {
      const [ready, health] = await Promise.all(['/readyz', '/healthz'].map((path) => fetch(`${full.http}${path}`)));
      expect([ready?.status, await ready?.json()]).toEqual([503, { status: 'disk_full', version: '1.2.3' }]);
      expect(health?.status).toBe(200);
    } finally {
      await full.close();
    }
  });
});

describe('{#transport_ws} HTTP', () => {
  it('answers GET /healthz without a token', async () => {
    expect(await get('/healthz')).toEqual({ status: 200, type: 'application/json', body: { status: 'ok', version: '1.2.3' } });
    expect((await get('/healthz', { method: 'HEAD' })).status).toBe(200);
  });

  it('answers everything else as JSON: 404, and 426 where the WebSocket is', async () => {
    for (const [path, method] of [
      ['/', 'GET'],
      ['/healthz', 'POST'],
      ['/../etc/passwd', 'GET'],
      ['/rpc/x', 'GET'],
      ['//evil.example/', 'GET'],
    ] as const) {
      const answer = await get(path, { method });
      expect(answer, `${method} ${path}`).toMatchObject({
        status: 404,
        type: 'application/json',
        body: { error: { code: -32004, data: { name: 'not_found' } } },
      });
    }
    expect(await get('/rpc')).toMatchObject({ status: 426 });
  });

  it('refuses a WebSocket anywhere but at /rpc', async () => {
    expect(await refusal(openSocket(server.url.replace('/rpc', '/other'), bearer(TOKEN)))).toMatchObject({
      status: 404,
      body: { error: { data: { name: 'not_found' } } },
    });
  });
});

describe('{#access} who may connect', () => {
  it('without a token, or with a wrong one, nobody: 401 with the error as JSON, and the right token is not in it', async () => {
    for (const headers of [{}, bearer('wrong'), bearer(`${TOKEN}x`), bearer(TOKEN.slice(0, -1)), { authorization: `Basic ${TOKEN}` }]) {
      const { status, body } = await refusal(openSocket(server.url, headers));
      expect(status).toBe(401);
      expect(body.error).toMatchObject({ code: -32009, data: { name: 'unauthenticated', status: 401 } });
      expect(JSON.stringify(body)).not.toContain(TOKEN);
    }
  });

  it('with the token as a subprotocol, a browser: the answer names headgate and not the token', async () => {
    const socket = await opened(openSocket(server.url, {}, ['headgate', `bearer.${TOKEN}`]));
    expect(socket.protocol).toBe('headgate');
    await closed(socket);
    expect((await refusal(openSocket(server.url, {}, ['headgate', 'bearer.wrong']))).status).toBe(401);
  });

  it("a page of another origin not, even with the token; a page of the server's own or an allowed one does", async () => {
    for (const origin of ['https://evil.example', 'null', 'http://localhost:1', `https://127.0.0.1:${server.port}`]) {
      expect(await refusal(openSocket(server.url, { ...bearer(TOKEN), origin })), origin).toMatchObject({
        status: 403,
        body: { error: { data: { name: 'forbidden' } } },
      });
    }
    for (const origin of [`http://127.0.0.1:${server.port}`, `http://localhost:${server.port}`, 'https://portal.example']) {
      await closed(await opened(openSocket(server.url, { ...bearer(TOKEN), origin })));
    }
  });

  it('under a foreign Host name not: a name that was pointed here from outside is refused', async () => {
    for (const host of ['evil.example', `evil.example:${server.port}`]) {
      expect((await refusal(openSocket(server.url, { ...bearer(TOKEN), host }))).status, host).toBe(403);
    }
    expect((await get('/healthz', { host: 'evil.example' })).status).toBe(403);
    expect((await get('/healthz', { host: `localhost:${server.port}` })).status).toBe(200);
  });

  it('with a token of smaller scope may look and not touch', async () => {
    const client = await server.connect({ token: READ_TOKEN });
    expect(await client.call('getRuns')).toHaveLength(1);
    await expect(client.call('startRun', { model: 'scripted' })).rejects.toMatchObject({
      code: -32003,
      data: { name: 'forbidden', scope: 'run' },
    });
    await client.close();
  });
});

describe('{#listen} the port', () => {
  it('that is taken is named, with what to do', async () => {
    const error = await server.parts.server.listen({ port: server.port }).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ kind: 'conflict', facts: { port: server.port } });
    expect((error as Error).message).toContain('--port');
  });

  it('is opened beyond this machine only when that is asked for', async () => {
    for (const host of ['0.0.0.0', '::', '192.0.2.1']) {
      await expect(server.parts.server.listen({ host, port: 0 })).rejects.toMatchObject({ kind: 'forbidden' });
    }
    const everywhere = await server.parts.server.listen({ host: '0.0.0.0', port: 0, allowRemote: true });
    const socket = await opened(openSocket(`ws://127.0.0.1:${everywhere.port}/rpc`, bearer(TOKEN)));
    await closed(socket);
  });

  it('is free again after the end, and clients are told that the server goes away', async () => {
    const client = await server.connect();
    const gone = once(client.socket, 'close') as Promise<[number, Buffer]>;
    await server.parts.server.close();
    expect((await gone)[0]).toBe(1001);
    const socket = openSocket(server.url, bearer(TOKEN));
    expect((await once(socket, 'error'))[0]).toMatchObject({ code: 'ECONNREFUSED' });
  });
});
