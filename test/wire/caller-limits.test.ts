import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { WireError } from '../support/built-server.ts';
import { READ_TOKEN, startServer, TOKEN, type WireServer } from '../support/server.ts';

let server: WireServer;
beforeEach(async () => {
  const limits = { callMs: 1, answerBytes: 0, eventSubscriptions: 2, subscriptions: 2, unauthenticated: 3, authenticateMs: 300 };
  server = await startServer({ limits });
});
afterEach(() => server.close());

describe('{#caller_limits} what one caller may take', () => {
  it('is refused by name beyond the time of its token, with when to try again; the operator is not', async () => {
    const operator = await server.connect();
    const reader = await server.connect({ token: READ_TOKEN, init: false });
    const discover = (client: typeof reader) =>
      client.call('rpc.discover').then(
        () => undefined,
        (error: unknown) => (error as WireError).data,
      );
    const ends = await Promise.all(Array.from({ length: 20 }, () => discover(reader)));
    expect(ends).toContainEqual(expect.objectContaining({ name: 'overloaded', retry_after_ms: expect.any(Number) as number }));
    expect((await Promise.all(Array.from({ length: 20 }, () => discover(operator)))).filter(Boolean)).toEqual([]);
  });

  it('is so many subscriptions of a connection, and one more when one has ended', async () => {
    const client = await server.connect();
    const { subscription } = await client.call<{ subscription: number }>('subscribe');
    await client.call('subscribe');
    await expect(client.call('subscribe')).rejects.toMatchObject({ data: { name: 'too_large', limit: 2 } });
    await client.call('unsubscribe', { subscription });
    await client.call('subscribe');
  });

  it('is so many connections without a token, the oldest of which ends, each for so long; who has one stays', async () => {
    const client = await server.connect();
    const sockets = [];
    for (let at = 0; at < 4; at++) {
      const socket = connect(server.port, '127.0.0.1').on('error', () => {});
      const closed = once(socket, 'close');
      await once(socket, 'connect');
      sockets.push(closed);
    }
    await sockets[0];
    await Promise.all(sockets);
    expect(await client.call('ping')).toMatchObject({ pong: true });
  });
});

describe('{#caller_limits} responses that wait for the clients of one token', () => {
  const MIB = 1024 * 1024;

  it('are so many bytes, beyond which what only reads is refused until they are read; the operator is not', async () => {
    await server.close();
    server = await startServer({ limits: { callMs: 0, answerBytes: MIB } });
    const operator = await server.connect();
    const { run } = await operator.call<{ run: string }>('startRun', { model: 'scripted' });
    await operator.call('set', { run, path: 'known://large', body: 'x'.repeat(MIB) });

    const slow = await server.connect({ token: READ_TOKEN });
    const other = await server.connect({ token: READ_TOKEN });
    expect(await other.call('ping')).toMatchObject({ pong: true });
    slow.socket.pause();
    const reads = Array.from({ length: 30 }, () => slow.call<{ body: string }>('get', { run, path: 'known://large' }));
    const look = (client: typeof slow) =>
      client.call('getRuns').then(
        () => undefined,
        (error: unknown) => (error as WireError).data,
      );
    await expect.poll(() => look(other)).toMatchObject({ name: 'overloaded', retry_after_ms: expect.any(Number) as number });
    expect(await look(operator)).toBeUndefined();
    slow.socket.resume();
    const ends = await Promise.allSettled(reads);
    expect(ends.some(({ status }) => status === 'fulfilled')).toBe(true);
    expect(await look(other)).toBeUndefined();
  });
});

describe('{#caller_limits} tokens of others', () => {
  const RUN_TOKEN = 'test-token-of-run-scope';
  const tokens = [
    { token: TOKEN, scope: 'admin' as const },
    { token: RUN_TOKEN, scope: 'run' as const, name: 'job' },
  ];
  const refusal = (error: unknown) => (error as WireError).data;
  const overloaded = { name: 'overloaded', retry_after_ms: expect.any(Number) as number };

  it('make so many calls in a second, also such as change something; the operator any number', async () => {
    await server.close();
    server = await startServer({ tokens, limits: { calls: 10, callMs: 0 } });
    const job = await server.connect({ token: RUN_TOKEN });
    const operator = await server.connect();
    const starts = (client: typeof job) =>
      Promise.all(Array.from({ length: 30 }, () => client.call('startRun', { model: 'scripted' }).then(() => undefined, refusal)));
    const ends = await starts(job);
    expect(ends.filter((end) => end === undefined).length).toBeGreaterThan(0);
    expect(ends).toContainEqual(expect.objectContaining(overloaded));
    expect(await starts(operator)).not.toContainEqual(expect.objectContaining({ name: 'overloaded' }));
    await expect.poll(() => job.call('startRun', { model: 'scripted' }).then(() => 'taken', refusal), { timeout: 5000 }).toBe('taken');
  });
});

describe('{#trusted_proxy} wrong tokens from one address', () => {
  const ask = async (token: string, forwarded: string) => {
    const response = await fetch(`${server.http}/rpc`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'x-forwarded-for': forwarded },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' }),
    });
    const { error } = (await response.json()) as { error?: { data: Record<string, unknown> } };
    return { status: response.status, name: error?.data['name'], retry: error?.data['retry_after_ms'] };
  };

  it('are so many in a minute: then nothing that comes from there is looked at, and others are served', async () => {
    await server.close();
    server = await startServer({ trustedProxies: ['127.0.0.1', '10.0.0.0/8'], limits: { wrongTokens: 3 } });
    const open = await server.connect();
    for (let i = 0; i < 3; i++) expect(await ask('guess', '198.51.100.7, 203.0.113.9, 10.0.0.2')).toMatchObject({ status: 401 });
    for (const token of ['guess', TOKEN]) {
      const { status, name, retry } = await ask(token, '203.0.113.9');
      expect({ status, name }).toEqual({ status: 503, name: 'overloaded' });
      expect(retry).toBeGreaterThan(50_000);
    }
    expect(await ask('guess', '198.51.100.7')).toMatchObject({ status: 401 });
    expect(await ask(TOKEN, '198.51.100.7')).toMatchObject({ status: 200 });
    expect(await open.call('ping')).toMatchObject({ pong: true });
  });

  it('are those of the connection where the proxy is not trusted, and those of this machine are not counted', async () => {
    await server.close();
    server = await startServer({ trustedProxies: ['10.0.0.0/8'], limits: { wrongTokens: 3 } });
    for (let i = 0; i < 6; i++) expect(await ask('guess', '203.0.113.9')).toMatchObject({ status: 401 });
    expect(await ask(TOKEN, '203.0.113.9')).toMatchObject({ status: 200 });
  });
});
