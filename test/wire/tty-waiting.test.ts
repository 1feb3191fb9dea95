import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { HeadgateError, NOT_YET } from '../../src/core/errors.ts';
import type { RunnerPort } from '../../src/model/ports/runner.ts';
import type { RpcServerOptions } from '../../src/rpc/server/index.ts';
import { openSocket, READ_TOKEN, refusal, startServer, TOKEN, type WireServer } from '../support/server.ts';
import { propose } from '../support/temp-store.ts';
import { TtyClient } from '../support/tty-client.ts';

let server: WireServer;
afterEach(() => server.close());

/** A server with one command, whose runner takes input as told. */
async function started(input: RunnerPort['input'], options: Partial<RpcServerOptions> = {}): Promise<{ path: string; session: TtyClient }> {
  server = await startServer(options);
  const { parts } = server;
  const nothing = () => {};
  const refuse = () => Promise.reject(new HeadgateError('unsupported', 'not here'));
  parts.streams.attachRunner({
    name: 'embedded',
    bootId: null,
    start: nothing,
    adopt: nothing,
    kill: nothing,
    resize: refuse,
    signal: refuse,
    input,
  });
  const entry = propose(parts.store, parts.run, 'typed');
  parts.journal.commit('durable', (tx) =>
    parts.streams.open(tx, entry, {
      backend: 'process',
      runner: 'embedded',
      channels: [1, 2],
      spec: { command: 'typed', cwd: '/', env: {}, stdin: true },
    }),
  );
  const session = await TtyClient.open({ http: server.http, token: TOKEN }, { run: 'r1', attach: entry.path });
  return { path: entry.path, session };
}

/** The bytes that a runner was given, which takes at most so many at a time. */
function recorder(most: number): { input: RunnerPort['input']; taken: () => string; ended: () => boolean } {
  let all = '';
  let eof = false;
  return {
    input: async (_, bytes, end) => {
      all += bytes.subarray(0, most).toString();
      eof ||= end && bytes.length <= most;
      return { bytes: Math.min(most, bytes.length) };
    },
    taken: () => all,
    ended: () => eof,
  };
}

describe('{#tty_input} input', () => {
  it('of which the command takes a little at a time arrives in order and once, then its end', async () => {
    const { input, taken, ended } = recorder(3);
    const { session } = await started(input);
    for (const word of ['never ', 'twice, ', 'never ', 'lost']) session.type(word);
    session.control({ type: 'eof' });
    await session.close();
    await expect.poll(ended).toBe(true);
    expect(taken()).toBe('never twice, never lost');
  });

  it('is acknowledged, as far as the command has taken it, to who asks for that', async () => {
    const { path, session } = await started(recorder(3).input);
    const asking = await TtyClient.open({ http: server.http, token: TOKEN }, { run: 'r1', attach: path, acknowledge: true });
    session.type('others');
    asking.type('seven b');
    await asking.until(() => asking.controls.length === 3);
    expect(asking.controls.map(({ type, bytes }) => [type, bytes])).toEqual([3, 6, 7].map((bytes) => ['taken', bytes]));
    expect(session.controls).toEqual([]);
    await Promise.all([session.close(), asking.close()]);
  });

  it('that came before the client went away still arrives', async () => {
    const { input, taken } = recorder(2);
    const { session } = await started(async (...all) => {
      await new Promise((resolve) => setImmediate(resolve));
      return await input(...all);
    });
    session.type('typed and gone');
    await session.close();
    await expect.poll(taken).toBe('typed and gone');
  });

  it.each([
    ['the runner is away, and is typed when it is back', { runner: 'far' }],
    ['the command cannot take any, and is typed when it can', NOT_YET],
  ])('waits while %s', async (_, facts) => {
    let away = 3;
    const { input, taken } = recorder(100);
    const { session } = await started(async (...all) => {
      if (away-- > 0) throw new HeadgateError('conflict', 'not now', facts);
      return await input(...all);
    });
    session.type('patience');
    await expect.poll(taken).toBe('patience');
    await session.close();
    expect(session.controls).toEqual([]);
  });

  it('that may have been taken is told and not typed again', async () => {
    let broken = true;
    const { input, taken } = recorder(100);
    const { session } = await started(async (...all) => {
      if (broken) {
        broken = false;
        throw new HeadgateError('conflict', 'it went away before it answered', { runner: 'far', unanswered: true });
      }
      return await input(...all);
    });
    session.type('rm -r *');
    expect(await session.news('error')).toMatchObject({ of: 'stdin', error: { data: { unanswered: true } } });
    session.type('ls');
    await expect.poll(taken).toBe('ls');
    await session.close();
  });

  it('after its end is refused, and the session goes on', async () => {
    const { session } = await started(recorder(100).input);
    session.control({ type: 'eof' });
    session.type('late');
    expect(await session.news('error')).toMatchObject({ of: 'stdin', error: { data: { name: 'conflict', reason: 'after_eof' } } });
    await session.close();
  });

  it('that nobody takes keeps the connection, however long, since the server is the one that does not read', async () => {
    const { session } = await started(() => new Promise((resolve) => setTimeout(() => resolve({ bytes: 0 }), 20)), { pingMs: 40 });
    for (let i = 0; i < 32; i++) session.type(Buffer.alloc(512 * 1024));
    let pings = 0;
    session.socket.on('ping', () => pings++);
    await expect.poll(() => pings, { timeout: 10_000 }).toBeGreaterThan(8);
    expect(session.socket.bufferedAmount).toBeGreaterThan(0);
    expect(session.closed).toBeUndefined();
    session.socket.terminate();
  });
});

describe('{#tty_open} a connection', () => {
  it('that says nothing is closed with the reason', async () => {
    server = await startServer({ ttyFirstMs: 30 });
    const session = await TtyClient.connect({ http: server.http, token: TOKEN });
    expect(await session.answer()).toMatchObject({ ok: false, error: { code: -32600, data: { reason: 'no_first_message' } } });
    await session.until(() => session.closed !== undefined);
    expect(session.closed?.code).toBe(1002);
  });

  it('with a token that may only read is refused before the upgrade', async () => {
    server = await startServer();
    const socket = openSocket(`${server.http.replace('http', 'ws')}/tty`, { authorization: `Bearer ${READ_TOKEN}` });
    expect(await refusal(socket)).toMatchObject({ status: 403, body: { error: { data: { name: 'forbidden', scope: 'run' } } } });
  });

  it('ends with 1001 when the server stops, and the command is left alone', async () => {
    const { session, path } = await started(recorder(100).input);
    const closed = once(session.socket, 'close');
    await server.parts.server.close();
    expect((await closed)[0]).toBe(1001);
    expect(server.parts.streams.view(server.parts.run.id, path).producer.state).toBe('queued');
  });
});
