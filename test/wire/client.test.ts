import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConnectionClosed, RpcClient, RpcError, StreamClosed, type Transport } from '../../src/rpc/client/index.ts';
import { connectUnixSocket } from '../../src/rpc/node/unix-socket.ts';
import { connectWebSocket } from '../../src/rpc/node/websocket.ts';
import { startServer, TOKEN, type WireServer } from '../support/server.ts';
import { propose } from '../support/temp-store.ts';

let server: WireServer;
beforeEach(async () => {
  server = await startServer();
});
afterEach(() => server.close());

const transports: [string, () => Promise<Transport>][] = [
  ['WebSocket', () => connectWebSocket(server.url, TOKEN)],
  ['unix socket', () => connectUnixSocket(server.socket)],
];

describe.each(transports)('{#client_transports} the client over a %s', (_, connect) => {
  it('is greeted, although it listens only once the connection stands', async () => {
    const client = new RpcClient(await connect());
    const { version } = await new Promise<{ version: string }>((resolve) => client.on('headgate/hello', resolve));
    expect(version).toBe('1.2.3');
    client.close();
  });

  it('calls, listens and follows', async () => {
    const { path } = server.parts.accept('build');
    const client = new RpcClient(await connect());
    const { name, root } = server.parts.project;
    await client.call('init', { name, projectRoot: root });
    const heard = new Promise<string>((resolve) => client.on('ui/notify', ({ text }) => resolve(text)));
    server.parts.tell('hello');
    expect(await heard).toBe('hello');
    const line = 'päth\n'.repeat(50_000);
    await client.call('stream', { run: 'r1', path, channel: 1, chunk: line });
    const chunks = client.follow('r1', path);
    await client.call('stream/completed', { run: 'r1', path, exit_code: 1 });
    const parts: Uint8Array[] = [];
    for (let next = await chunks.next(); ; next = await chunks.next()) {
      if (next.done) {
        expect(next.value).toMatchObject({ status: 500, exit_code: 1 });
        break;
      }
      parts.push(next.value.bytes);
    }
    expect(Buffer.concat(parts).toString()).toBe(line);
    client.close();
  });

  it('{#stream_completed} takes how long it ran as milliseconds, or as a text with a unit', async () => {
    const client = new RpcClient(await connect());
    const { name, root } = server.parts.project;
    await client.call('init', { name, projectRoot: root });
    for (const [said, ms] of [
      ['1.2s', 1200],
      [750, 750],
    ] as const) {
      const { path } = server.parts.accept(`took-${ms}`);
      await client.call('stream/completed', { run: 'r1', path, duration: said });
      expect(await client.call('get', { run: 'r1', path })).toMatchObject({ attributes: { duration_ms: ms } });
    }
    const { path } = server.parts.accept('took-wrong');
    await expect(client.call('stream/completed', { run: 'r1', path, duration: 'long' })).rejects.toMatchObject({ kind: 'invalid_params' });
    client.close();
  });

  it('{#stream_closed} ends following what can bring nothing more with an error that says why', async () => {
    const { store, run, project, accept } = server.parts;
    const client = new RpcClient(await connect());
    await client.call('init', { name: project.name, projectRoot: project.root });
    const { path } = propose(store, run, 'no');
    const rejected = client.follow('r1', path).next();
    // On the same connection, so the server has the subscription first.
    await client.call('run/resolve', { run: 'r1', resolution: { path, action: 'reject' } });
    await expect(rejected).rejects.toMatchObject({ name: 'StreamClosed', reason: 'never_started', status: 403, outcome: 'rejected' });

    const waiting = client.follow('r1', propose(store, run, 'waits').path).next();
    const { path: done } = accept('done');
    await client.call('stream', { run: 'r1', path: done, channel: 1, chunk: 'kept' });
    await client.call('stream/completed', { run: 'r1', path: done });
    const deleted = client.call('run/delete', { run: 'r1' });
    await expect(waiting).rejects.toBeInstanceOf(StreamClosed);
    await expect(waiting).rejects.toThrow('run r1 was deleted');
    await deleted;
    client.close();
  });

  it('is told when the server goes away', async () => {
    const client = new RpcClient(await connect());
    await client.call('ping', {});
    const closed = new Promise<string>((resolve) => client.onClose(resolve));
    await server.parts.server.close();
    await closed;
    await expect(client.call('ping', {})).rejects.toBeInstanceOf(ConnectionClosed);
  });

  it('ends when it is closed', async () => {
    const client = new RpcClient(await connect());
    await client.call('ping', {});
    const closed = new Promise<string>((resolve) => client.onClose(resolve));
    client.close();
    await closed;
    expect(client.open).toBe(false);
  });
});

describe('{#client_transports} a refused client', () => {
  it('is told by the server why', async () => {
    const error = await connectWebSocket(server.url, 'wrong').catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(RpcError);
    expect(error).toMatchObject({ kind: 'unauthenticated', code: -32009 });
  });

  it("of nobody gets the system's error", async () => {
    await server.parts.server.close();
    await expect(connectWebSocket(server.url, TOKEN)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await expect(connectUnixSocket(server.socket)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
