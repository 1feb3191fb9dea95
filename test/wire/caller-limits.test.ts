import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { WireError } from '../support/built-server.ts';
import { READ_TOKEN, startServer, type WireServer } from '../support/server.ts';

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
