import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import WebSocket from 'ws';
import { LIMITS } from '../../src/rpc/protocol/shapes.ts';
import { openSocket, startServer, TOKEN, type WireServer } from '../support/server.ts';

let server: WireServer;
beforeEach(async () => {
  server = await startServer();
});
afterEach(() => server.close());

/** The next text message. */
async function next(socket: WebSocket): Promise<Record<string, unknown>> {
  const [data] = (await once(socket, 'message')) as [Buffer];
  return JSON.parse(data.toString()) as Record<string, unknown>;
}

async function raw(): Promise<WebSocket> {
  const socket = openSocket(server.url, { authorization: `Bearer ${TOKEN}` });
  await next(socket);
  return socket;
}

describe('{#envelope} frames on a WebSocket', () => {
  it('in binary are refused in words, and the connection goes on', async () => {
    const socket = await raw();
    socket.send(Buffer.from('{"jsonrpc":"2.0","id":1,"method":"ping"}'), { binary: true });
    expect(await next(socket)).toMatchObject({ id: null, error: { code: -32600, data: { name: 'invalid_request' } } });
    socket.send('{"jsonrpc":"2.0","id":2,"method":"ping"}');
    expect(await next(socket)).toMatchObject({ id: 2, result: { pong: true } });
    socket.close();
  });

  it('of every kind of nonsense never end the connection', async () => {
    const socket = await raw();
    for (const text of [
      '',
      '{',
      '[]',
      '[[[[',
      'null',
      '{"jsonrpc":"2.0"}',
      '\u0000',
      '{"id":1e400}',
      '"\\ud800"',
      '[1,2,3]',
      '{"__proto__":1}',
      `${'['.repeat(100_000)}`,
    ]) {
      socket.send(text);
      const answer = await next(socket);
      const errors = (Array.isArray(answer) ? answer : [answer]).map(({ error }: { error?: { code: number } }) => error?.code);
      expect(
        errors.every((code) => code === -32700 || code === -32600),
        `${text.slice(0, 20)}: ${errors}`,
      ).toBe(true);
    }
    socket.send('{"jsonrpc":"2.0","id":2,"method":"ping"}');
    expect(await next(socket)).toMatchObject({ id: 2, result: { pong: true } });
    socket.close();
  });

  it('in parts are put together', async () => {
    const socket = await raw();
    socket.send('{"jsonrpc":"2.0","id":', { fin: false });
    socket.send('7,"method":', { fin: false });
    socket.send('"ping"}', { fin: true });
    expect(await next(socket)).toMatchObject({ id: 7, result: { pong: true } });
    socket.close();
  });

  it('beyond the limit close that connection with 1009 and no other', async () => {
    const other = await server.connect();
    const socket = await raw();
    socket.on('error', () => {});
    socket.send('x'.repeat(LIMITS.messageBytes + 1));
    expect((await once(socket, 'close'))[0]).toBe(1009);
    expect(await other.call('ping')).toMatchObject({ pong: true });
    await other.close();
  });

  it('just within the limit are taken', async () => {
    const socket = await raw();
    const frame = '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":"';
    socket.send(`${frame}${'y'.repeat(LIMITS.messageBytes - frame.length - 3)}"}}`);
    expect(await next(socket)).toMatchObject({ id: 1, error: { code: -32602, data: { field: 'x' } } });
    socket.close();
  });

  it('that are not UTF-8 close the connection with 1007', async () => {
    const socket = await raw();
    socket.on('error', () => {});
    socket.send(Buffer.from([0x22, 0xff, 0x22]), { binary: false });
    expect((await once(socket, 'close'))[0]).toBe(1007);
  });
});

describe('{#events} notifications on a WebSocket', () => {
  it('come in order of their numbers, around the answers, to every client', async () => {
    const clients = await Promise.all([server.connect(), server.connect(), server.connect()]);
    for (let i = 0; i < 200; i++) server.parts.tell(`n${i}`);
    for (const client of clients) {
      await client.notice('ui/notify', ({ text }) => text === 'n199');
      const got = client.notices.filter(({ method }) => method === 'ui/notify');
      expect(got.map(({ params }) => params['text'])).toEqual(Array.from({ length: 200 }, (_, i) => `n${i}`));
      const seqs = got.map(({ params }) => params['seq'] as number);
      expect(seqs).toEqual(seqs.map((_, i) => (seqs[0] ?? 0) + i));
      await client.close();
    }
  });
});

/** Bytes of buffers that somebody still holds. */
function heldBytes(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().arrayBuffers;
}

describe('{#stream_backpressure} a WebSocket client that stops reading', () => {
  it('costs a bounded amount of memory, and gets every byte when it reads again', async () => {
    const { path } = server.parts.accept('flood');
    const writer = await server.connect();
    const slow = await server.connect();
    await slow.call('stream/subscribe', { run: 'r1', path });
    const tcp = (slow.socket as unknown as { _socket: Socket })._socket;
    tcp.pause();
    const before = heldBytes();
    const piece = '0123456789abcde\n'.repeat(64 * 1024);
    for (let i = 0; i < 48; i++) await writer.call('stream', { run: 'r1', path, channel: 1, chunk: piece });
    // What is let go of is freed a little later.
    await vi.waitUntil(() => heldBytes() - before < 24 * 1024 * 1024, { timeout: 10_000, interval: 50 });
    tcp.resume();
    await writer.call('stream/completed', { run: 'r1', path });
    await slow.notice('stream/ended');
    expect(slow.received(path, 1).equals(Buffer.from(piece.repeat(48)))).toBe(true);
    await slow.close();
    await writer.close();
  });
});

describe('{#ping} the heartbeat', () => {
  beforeEach(async () => {
    await server.close();
    server = await startServer({ pingMs: 40 });
  });

  it('half-open socket: a connection whose other end answers nothing for two intervals is ended', async () => {
    const socket = new WebSocket(server.url, { headers: { authorization: `Bearer ${TOKEN}` }, autoPong: false });
    expect((await once(socket, 'close'))[0]).toBe(1006);
    await expect.poll(() => server.parts.server.connections).toBe(0);
  });

  it('leaves a silent client that answers pings alone', async () => {
    const socket = openSocket(server.url, { authorization: `Bearer ${TOKEN}` });
    let pings = 0;
    await new Promise<void>((resolve) => {
      socket.on('ping', () => {
        if (++pings === 6) resolve();
      });
    });
    socket.send('{"jsonrpc":"2.0","id":1,"method":"ping"}');
    expect(await next(socket)).toMatchObject({ id: 1 });
    socket.close();
  });
});

describe('{#cancel_request} on a WebSocket', () => {
  it('a waiting call is cancelled while others are answered', async () => {
    const socket = await raw();
    const say = (message: object) => socket.send(JSON.stringify({ jsonrpc: '2.0', ...message }));
    server.parts.runtime.prompt = () => new Promise(() => {});
    say({ id: 1, method: 'init', params: { name: 'test', projectRoot: server.parts.project.root } });
    await next(socket);
    say({ id: 'long', method: 'act', params: { prompt: 'x', wait: true } });
    say({ id: 2, method: 'ping' });
    expect(await next(socket)).toMatchObject({ id: 2 });
    say({ method: '$/cancelRequest', params: { id: 'long' } });
    expect(await next(socket)).toMatchObject({ id: 'long', error: { code: -32800, data: { name: 'cancelled' } } });
    socket.close();
  });
});

describe('{#access} a WebSocket that is refused', () => {
  it('leaves no connection behind, whatever the other side does, and holds up no server that stops', async () => {
    const port = Number(new URL(server.http).port);
    for (const path of ['/rpc', '/tty', '/nowhere']) {
      const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
      socket.setEncoding('utf8');
      let text = '';
      socket.on('data', (data: string) => {
        text += data;
      });
      socket.write(
        `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n`,
      );
      await once(socket, 'end');
      expect(text).toMatch(/^HTTP\/1.1 40[14] /);
      // Our half stays open; the server is done with it all the same, and says so as soon as anything more comes.
      const refused = once(socket, 'error');
      const typing = setInterval(() => socket.write('more'), 10);
      expect(await refused).toMatchObject([{ code: expect.stringMatching(/^(EPIPE|ECONNRESET)$/) }]);
      clearInterval(typing);
      socket.destroy();
    }
  });
});
