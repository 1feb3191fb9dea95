import { mkdir, readFile, rm } from 'node:fs/promises';
import type { NetConnectOpts } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import WebSocket from 'ws';
import {
  browserWebSocket,
  type ConnectionState,
  connect,
  connectRuntime,
  DataReplaced,
  type Runtime,
  UnsupportedError,
} from '../../src/sdk.ts';
import { readWhole, runtimeContract, seqs, sha, start, until } from '../contract/runtime.contract.ts';
import { type BuiltServer, MAIN, serve } from '../support/built-server.ts';
import { CuttingProxy } from '../support/cutting-proxy.ts';
import { Gate } from '../support/gate.ts';
import { tempFolder } from '../support/temp-store.ts';

vi.stubGlobal('WebSocket', WebSocket);
afterAll(() => void vi.unstubAllGlobals());

type Way = (server: BuiltServer, root: string, name: string, at?: { port?: number; socket?: string }) => Promise<Runtime>;

const retry = { retryMs: 20, giveUpMs: 60_000 };
const ways: Record<string, Way> = {
  'over a unix socket': (server, project, name, at) =>
    connect(`unix:${at?.socket ?? server.socket}`, { project, client: { name }, ...retry }),
  'over a WebSocket': (server, project, name, at) =>
    connect(at?.port === undefined ? server.url : `ws://127.0.0.1:${at.port}/rpc`, {
      project,
      token: server.token,
      client: { name },
      ...retry,
    }),
  'over stdio': (server, project, name, at) =>
    connect('stdio:', {
      project,
      client: { name },
      command: [process.execPath, MAIN, 'rpc', '--stdio', '--socket', at?.socket ?? server.socket],
      ...retry,
    }),
  "over a browser's WebSocket": (server, root, name, at) =>
    connectRuntime(() => browserWebSocket(at?.port === undefined ? server.url : `ws://127.0.0.1:${at.port}/rpc`, server.token), {
      project: { name: 'project', root },
      client: { name },
      ...retry,
    }),
};

for (const [name, way] of Object.entries(ways)) {
  runtimeContract(name, async ({ data, root }) => {
    const server = await serve(data);
    return { connect: (client) => way(server, root, client), close: async () => void (await server.stop()) };
  });
}

describe('{#client_reconnect} a connection that is lost', () => {
  let server: BuiltServer;
  let data: string;
  let root: string;
  let remove: () => Promise<void>;
  let folder: string;
  beforeAll(async () => {
    ({ folder, remove } = await tempFolder());
    [data, root] = [join(folder, 'data'), join(folder, 'project')];
    await mkdir(root);
    server = await serve(data);
  }, 60_000);
  afterAll(async () => {
    await server.stop();
    await remove();
  });

  const target = (): NetConnectOpts => ({ host: '127.0.0.1', port: Number(new URL(server.url).port) });
  /** Where connections break: anywhere after the first answers, in the middle of an event or of output. */
  const budgets = () => [2000, ...Array.from({ length: 4 }, () => 1 + Math.floor(Math.random() * 400_000))];

  it.each(Object.entries(ways))('%s and cut at random bytes shows every event and byte once', async (_, way) => {
    const socket = join(folder, 'cut.sock');
    const cuts = budgets();
    const tcp = await CuttingProxy.open(target(), cuts);
    const unix = await CuttingProxy.open({ path: server.socket }, cuts, socket);
    const direct = await ways['over a unix socket']!(server, root, 'direct');
    const runtime = await way(server, root, 'cut', { port: tcp.port, socket });
    try {
      const events = runtime.events();
      const { run, path } = await start(direct, 'for i in 1 2 3 4 5 6 7 8; do head -c 131072 /dev/urandom; sleep 0.02; done | tee cut.bin');
      const { output, end } = await readWhole(runtime.follow(run, path));
      expect(end.exit_code).toBe(0);
      expect(sha(output.get(1)!)).toBe(sha(await readFile(join(root, 'cut.bin'))));
      const seen = { ended: false, synced: false };
      // After a cut the end of the command may be part of what is replayed, so before the join.
      const taken = await until(events, (event) => {
        if (event.name === 'stream/ended' && event.params.run === run) seen.ended = true;
        if (event.name === 'replay/synced') seen.synced = true;
        return seen.ended && seen.synced;
      });
      const numbers = seqs(taken);
      expect(taken.filter((event) => event.name === 'replay/synced').length).toBe(1);
      // Every number of the project since then, with nothing left out.
      expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, i) => (numbers[0] ?? 0) + i));
      expect(taken.map((event) => event.name)).toEqual(
        expect.arrayContaining(['run/proposal', 'run/resolved', 'stream/started', 'stream/ended']),
      );
      expect(tcp.cuts + unix.cuts, `cut after ${cuts.join(', ')} bytes`).toBeGreaterThan(0);
      await events.return?.();
    } finally {
      await runtime.close();
      await direct.close();
      tcp.close();
      unix.close();
      await rm(socket, { force: true });
    }
  });

  it('survives kill -9 of the server and its restart, whatever happened in between', async () => {
    const runtimes = await Promise.all(['over a unix socket', 'over stdio'].map((name) => ways[name]!(server, root, name)));
    const states: ConnectionState[] = [];
    runtimes[0]!.onConnection((state) => void states.push(state));
    const { run, path } = await start(runtimes[0]!, 'for i in 1 2 3; do head -c 65536 /dev/urandom; sleep 0.3; done | tee kill.bin');
    const readers = runtimes.map((runtime) => ({ events: runtime.events({ run, since: 0 }), whole: readWhole(runtime.follow(run, path)) }));
    await Promise.all(readers.map(({ events }) => until(events, (event) => event.name === 'replay/synced')));
    await server.crash();
    await vi.waitUntil(() => states.length > 0, { timeout: 20_000 });
    const waiting = runtimes[0]!.call('ping', {});
    server = await serve(data);
    expect((await waiting).pong).toBe(true);
    for (const { events, whole } of readers) {
      const { output, end } = await whole;
      expect(end.exit_code).toBe(0);
      expect(sha(output.get(1)!)).toBe(sha(await readFile(join(root, 'kill.bin'))));
      const numbers = seqs(await until(events, (event) => event.name === 'stream/ended'));
      expect(numbers).toEqual([...new Set(numbers)].toSorted((a, b) => a - b));
      await events.return?.();
    }
    expect(states.map(({ open }) => open)).toEqual([false, true]);
    await Promise.all(runtimes.map((runtime) => runtime.close()));
  });

  it('makes a look again that was swallowed, and says of a call that it may have happened', async () => {
    const gate = await Gate.open(target());
    const runtime = await ways['over a WebSocket']!(server, root, 'gated', { port: gate.port });
    gate.delayMs = 60_000;
    const [look, call] = [runtime.look('ping', {}), runtime.call('ping', {}).catch((error: unknown) => error)];
    gate.reset();
    expect((await look).pong).toBe(true);
    expect(await call).toMatchObject({ name: 'ConnectionClosed', final: false });
    await runtime.close();
    gate.close();
  });

  it('ends with an error instead of mixing two servers with different data', async () => {
    const socket = join(folder, 'other.sock');
    const first = await Gate.open({ path: server.socket }, socket);
    const runtime = await ways['over a unix socket']!(server, root, 'moved', { socket });
    const events = runtime.events();
    await until(events, (event) => event.name === 'replay/synced');
    const other = await serve(join(folder, 'other'));
    first.close();
    await rm(socket, { force: true });
    const second = await Gate.open({ path: other.socket }, socket);
    await expect((async () => await until(events, () => false))()).rejects.toBeInstanceOf(DataReplaced);
    await expect(runtime.call('ping', {})).rejects.toBeInstanceOf(DataReplaced);
    await runtime.close();
    second.close();
    await other.stop();
  });

  it('is given up after a while, with the reason', async () => {
    const gate = await Gate.open(target());
    const runtime = await connect(`ws://127.0.0.1:${gate.port}/rpc`, { project: root, token: server.token, retryMs: 10, giveUpMs: 100 });
    const ended = new Promise<ConnectionState>((resolve) => runtime.onConnection((state) => state.final && resolve(state)));
    const events = runtime.events();
    await until(events, (event) => event.name === 'replay/synced');
    gate.close();
    expect(await ended).toMatchObject({ open: false, final: true });
    await expect(events.next()).rejects.toMatchObject({ name: 'ConnectionClosed', final: true });
  });
});

describe('{#client_transports} an address', () => {
  it('that nobody answers, or that is none, is an error at once', async () => {
    await expect(connect('unix:/nowhere/at.sock')).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(connect('ftp://127.0.0.1/')).rejects.toBeInstanceOf(UnsupportedError);
    await expect(connect('stdio:', { command: ['/nowhere/headgate'] })).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(connect('stdio:', { command: ['sh', '-c', 'echo no such host >&2; exit 1'] })).rejects.toThrow('no such host');
  });
});
