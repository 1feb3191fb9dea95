import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LIMITS } from '../../src/rpc/protocol/shapes.ts';
import { fetchText } from '../support/event-source.ts';
import { READ_TOKEN, startServer, TOKEN, type WireServer } from '../support/server.ts';

let server: WireServer;
beforeEach(async () => {
  server = await startServer();
});
afterEach(() => server.close());

const auth = { authorization: `Bearer ${TOKEN}` };
const inProject = () => ({ ...auth, 'headgate-project': server.parts.project.root });
const call = (method: string, params?: object, id: unknown = 1) => ({ jsonrpc: '2.0', id, method, ...(params ? { params } : {}) });

async function post(body: unknown, headers: Record<string, string> = auth): Promise<{ status: number; answer: unknown }> {
  const text = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
  const answered = await fetchText(`${server.http}/rpc`, { method: 'POST', headers, body: text });
  return { status: answered.status, answer: answered.body === '' ? undefined : JSON.parse(answered.body) };
}

describe('{#transport_http} POST /rpc', () => {
  it('answers one request with the answer that a WebSocket would give, and an error with its status', async () => {
    expect(await post(call('ping'))).toMatchObject({ status: 200, answer: { jsonrpc: '2.0', id: 1, result: { pong: true } } });
    expect(await post(call('getRuns'))).toMatchObject({ status: 409, answer: { id: 1, error: { data: { name: 'not_initialized' } } } });
    expect(await post(call('nope'))).toMatchObject({ status: 404, answer: { error: { code: -32601 } } });
    expect(await post('{')).toMatchObject({ status: 400, answer: { id: null, error: { code: -32700 } } });
    expect(await post('')).toMatchObject({ status: 400, answer: { id: null, error: { code: -32700 } } });
    expect(await post('[]')).toMatchObject({ status: 400, answer: { error: { code: -32600 } } });
    expect(server.parts.server.connections).toBe(0);
  });

  it('is bound to a project by an init in its batch, or by the header Headgate-Project', async () => {
    const { name, root } = server.parts.project;
    const batch = await post([call('init', { name, projectRoot: root }, 'a'), call('getRuns', {}, 'b')]);
    expect(batch).toMatchObject({
      status: 200,
      answer: [
        { id: 'a', result: { project: name } },
        { id: 'b', result: [{ run: 'r1' }] },
      ],
    });
    const made = await post(call('startRun', { model: 'scripted', alias: 'posted' }), inProject());
    expect(made).toMatchObject({ answer: { result: { run: 'posted' } } });
    expect(await post(call('getRuns'), inProject())).toMatchObject({ answer: { result: [{ run: 'posted' }] } });
    expect(await post(call('getRuns'), { ...auth, 'headgate-project': 'relative' })).toMatchObject({
      status: 400,
      answer: { error: { data: { name: 'invalid_params', field: 'projectRoot' } } },
    });
  });

  it('of notifications alone is carried out and answered with 204', async () => {
    const { root } = server.parts.project;
    const { id: _, ...notification } = call('startRun', { model: 'scripted', alias: 'quiet' });
    expect(await post(notification, inProject())).toEqual({ status: 204, answer: undefined });
    expect(server.parts.store.projects.withRun('quiet', null)).toMatchObject([{ root }]);
  });

  it('takes who a WebSocket would take, with the same scopes', async () => {
    expect(await post(call('ping'), {})).toMatchObject({ status: 401, answer: { error: { data: { name: 'unauthenticated' } } } });
    for (const headers of [
      { ...auth, origin: 'https://evil.example' },
      { ...auth, host: 'evil.example' },
    ]) {
      expect(await post(call('ping'), headers)).toMatchObject({ status: 403, answer: { error: { data: { name: 'forbidden' } } } });
    }
    const reader = { ...inProject(), authorization: `Bearer ${READ_TOKEN}` };
    expect(await post(call('startRun', { model: 'scripted' }), reader)).toMatchObject({
      status: 403,
      answer: { error: { data: { name: 'forbidden', scope: 'run' } } },
    });
  });

  it('refuses a subscription, which would have nothing to deliver to', async () => {
    const { path } = server.parts.accept('build');
    const { name, root } = server.parts.project;
    const batch = await post([
      call('init', { name, projectRoot: root }, 0),
      call('subscribe', { since: 0 }, 1),
      call('stream/subscribe', { run: 'r1', path }, 2),
    ]);
    const unsupported = { error: { code: -32006, data: { name: 'unsupported' } } };
    expect(batch.answer).toMatchObject([{ id: 0 }, { id: 1, ...unsupported }, { id: 2, ...unsupported }]);
  });

  it('refuses a body over the limit of a message with 413, whether its length is said or not', async () => {
    const big = Buffer.alloc(LIMITS.messageBytes + 1, ' ');
    for (const headers of [
      { ...auth, 'content-length': String(big.length) },
      { ...auth, 'transfer-encoding': 'chunked' },
    ]) {
      expect(await post(big, headers)).toMatchObject({
        status: 413,
        answer: { error: { data: { name: 'too_large', limit: LIMITS.messageBytes } } },
      });
    }
    const full = Buffer.from(JSON.stringify(call('ping')).padEnd(LIMITS.messageBytes, ' '));
    expect(await post(full)).toMatchObject({ status: 200, answer: { result: { pong: true } } });
  });

  it('takes any content type, and refuses a body that is compressed with 415', async () => {
    for (const type of ['application/json', 'application/x-www-form-urlencoded', 'text/plain']) {
      expect(await post(call('ping'), { ...auth, 'content-type': type }), type).toMatchObject({ status: 200, answer: { id: 1 } });
    }
    const body = gzipSync(JSON.stringify(call('ping')));
    expect(await post(body, { ...auth, 'content-encoding': 'gzip' })).toMatchObject({
      status: 415,
      answer: { error: { message: expect.stringContaining('compressed'), data: { name: 'invalid_request' } } },
    });
    expect(await post(call('ping'), { ...auth, 'content-encoding': 'identity' })).toMatchObject({ status: 200 });
  });

  it('answers requests that are sent without waiting in their order, a refused one and its body between them', async () => {
    const socket = connect({ host: '127.0.0.1', port: server.port });
    const head = `POST /rpc HTTP/1.1\r\nhost: 127.0.0.1:${server.port}\r\n`;
    const sent = (body: string, token = TOKEN) => `${head}authorization: Bearer ${token}\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
    socket.write(sent(JSON.stringify(call('ping', {}, 'first'))));
    socket.write(sent(sent(JSON.stringify(call('ping', {}, 'hidden'))), 'wrong'));
    // A body that comes byte by byte, and the end of our side after it.
    for (const byte of sent(JSON.stringify(call('ping', {}, 'last')))) socket.write(byte);
    socket.end();
    const text = Buffer.concat(await socket.toArray()).toString();
    expect(text.match(/HTTP\/1\.1 \d+|"id":"\w+"/g)).toEqual([
      'HTTP/1.1 200',
      '"id":"first"',
      'HTTP/1.1 401',
      'HTTP/1.1 200',
      '"id":"last"',
    ]);
  });

  it('{#access} tells a browser that no other page may send it one, whoever asks', async () => {
    await server.close();
    server = await startServer({ allowedOrigins: ['https://allowed.example'] });
    for (const origin of ['https://evil.example', 'https://allowed.example']) {
      const asked = { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' };
      for (const [method, headers] of [
        ['OPTIONS', asked],
        ['POST', { ...auth, origin }],
      ] as const) {
        const answered = await fetchText(`${server.http}/rpc`, {
          method,
          headers,
          body: method === 'POST' ? JSON.stringify(call('ping')) : '',
        });
        expect(Object.keys(answered.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
        if (method === 'OPTIONS') expect(answered.status).toBe(426);
      }
    }
  });

  it('holds the answer of a call that waits; closing the request cancels the call', async () => {
    let aborted: (reason: unknown) => void = () => {};
    let asked: () => void = () => {};
    const cancelled = new Promise((resolve) => (aborted = resolve));
    const reached = new Promise<void>((resolve) => (asked = resolve));
    server.parts.runtime.prompt = (caller) => {
      caller.signal.addEventListener('abort', () => aborted(caller.signal.reason));
      asked();
      return new Promise(() => {});
    };
    const sent = request(`${server.http}/rpc`, { method: 'POST', headers: inProject() });
    sent.on('error', () => {});
    sent.end(JSON.stringify(call('act', { prompt: 'x', wait: true })));
    await reached;
    expect(server.parts.server.connections).toBe(1);
    sent.destroy();
    expect(await cancelled).toMatchObject({ kind: 'cancelled' });
    await expect.poll(() => server.parts.server.connections).toBe(0);
  });

  it('that waits when the server stops is cut, and one whose body never ends holds nothing up', async () => {
    const reached = new Promise<void>((resolve) => {
      server.parts.runtime.prompt = () => {
        resolve();
        return new Promise(() => {});
      };
    });
    const waiting = request(`${server.http}/rpc`, { method: 'POST', headers: inProject() });
    waiting.end(JSON.stringify(call('act', { prompt: 'x', wait: true })));
    const unfinished = request(`${server.http}/rpc`, { method: 'POST', headers: { ...auth, 'content-length': '100' } });
    unfinished.write('{');
    const gone = [waiting, unfinished].map((one) => once(one, 'error'));
    await reached;
    await server.parts.server.close();
    expect((await Promise.all(gone)).map(([error]) => (error as { code: string }).code)).toEqual(['ECONNRESET', 'ECONNRESET']);
  });

  it('of another method says that the WebSocket is there', async () => {
    for (const method of ['GET', 'PUT', 'HEAD']) {
      const { status, headers } = await fetchText(`${server.http}/rpc`, { method, headers: auth });
      expect([method, status, headers['allow'], headers['upgrade']]).toEqual([method, 426, 'POST', 'websocket']);
    }
  });
});
