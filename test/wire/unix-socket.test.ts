import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LIMITS } from '../../src/rpc/protocol/shapes.ts';
import { startServer, type WireServer } from '../support/server.ts';

let server: WireServer;
const sockets: Socket[] = [];
beforeEach(async () => {
  server = await startServer();
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await server.close();
});

interface Line {
  id?: unknown;
  method?: string;
  result?: Record<string, unknown>;
  error?: { code: number; data: Record<string, unknown> };
}

class LineClient {
  readonly socket: Socket;
  readonly #lines: AsyncIterator<string>;
  readonly #reader: Interface;

  constructor(path: string) {
    this.socket = connect({ path, allowHalfOpen: true });
    sockets.push(this.socket);
    this.#reader = createInterface({ input: this.socket });
    this.#lines = this.#reader[Symbol.asyncIterator]();
  }

  async next(): Promise<Line | undefined> {
    const { value, done } = await this.#lines.next();
    return done ? undefined : (JSON.parse(value as string) as Line);
  }
}

async function open(): Promise<LineClient> {
  const client = new LineClient(server.socket);
  expect(await client.next()).toMatchObject({ method: 'headgate/hello' });
  return client;
}

/** Two requests, the second of which is answered when the test releases it. */
function held(): { init: string; act: string; release: () => void } {
  let release: () => void = () => {};
  const answer = new Promise<{ run: string; loop: number; status: number }>((resolve) => {
    release = () => resolve({ run: 'r1', loop: 1, status: 200 });
  });
  server.parts.runtime.prompt = () => answer;
  const { name, root } = server.parts.project;
  return {
    init: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'init', params: { name, projectRoot: root } }),
    act: JSON.stringify({ jsonrpc: '2.0', id: 2, method: 'act', params: { prompt: 'x', wait: true } }),
    release,
  };
}

describe('{#transport_unix} the unix socket', () => {
  it('is open to its owner alone', async () => {
    expect((await stat(server.socket)).mode & 0o777).toBe(0o600);
  });

  it('needs no token', async () => {
    const client = await open();
    client.socket.write(
      `{"jsonrpc":"2.0","id":1,"method":"init","params":{"name":"x","projectRoot":${JSON.stringify(server.parts.project.root)}}}\n`,
    );
    expect(await client.next()).toMatchObject({ id: 1, result: { protocol: 1 } });
    client.socket.write('{"jsonrpc":"2.0","id":2,"method":"startRun","params":{"model":"scripted"}}\n');
    expect(await client.next()).toMatchObject({});
  });

  it('of a dead server is taken over, of a live one refused', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'headgate-test-'));
    const path = join(folder, 's.sock');
    // A process that ends without closing leaves its socket behind.
    spawnSync(process.execPath, [
      '-e',
      `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`,
    ]);
    expect((await stat(path)).isSocket()).toBe(true);
    await server.parts.server.listenUnix(path);
    const client = new LineClient(path);
    expect(await client.next()).toMatchObject({ method: 'headgate/hello' });
    const error = await server.parts.server.listenUnix(path).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ kind: 'conflict' });
    expect((error as Error).message).toContain(path);
    await rm(folder, { recursive: true });
  });

  it('never replaces a file that is no socket, and refuses a path that the system would cut short', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'headgate-test-'));
    const file = join(folder, 'notes.txt');
    await writeFile(file, 'mine');
    await expect(server.parts.server.listenUnix(file)).rejects.toMatchObject({ kind: 'conflict' });
    expect((await stat(file)).isFile()).toBe(true);
    await expect(server.parts.server.listenUnix(join(folder, 'x'.repeat(120)))).rejects.toMatchObject({ kind: 'invalid_params' });
    await rm(folder, { recursive: true });
  });

  it('is gone after the end', async () => {
    const client = await open();
    await server.parts.server.close();
    expect(await client.next()).toBeUndefined();
    await expect(stat(server.socket)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('{#transport_lines} one message a line', () => {
  it('is put together from many writes, byte by byte', async () => {
    const client = await open();
    client.socket.setNoDelay(true);
    for (const byte of Buffer.from('{"jsonrpc":"2.0","id":"é","method":"ping"}\n')) {
      if (!client.socket.write(Buffer.from([byte]))) await once(client.socket, 'drain');
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    expect(await client.next()).toMatchObject({ id: 'é', result: { pong: true } });
  });

  it('is one message each, also when several come in one write, CRLF and empty lines included', async () => {
    const client = await open();
    const line = (id: number) => `{"jsonrpc":"2.0","id":${id},"method":"ping"}`;
    client.socket.write(`${line(1)}\n${line(2)}\r\n\n\r\n${line(3)}\n${line(4).slice(0, 10)}`);
    client.socket.write(`${line(4).slice(10)}\n`);
    for (const id of [1, 2, 3, 4]) expect(await client.next()).toMatchObject({ id });
  });

  it('over the limit is refused as too_large, and the line after it is answered', async () => {
    const client = await open();
    const part = Buffer.alloc(1024 * 1024, 0x78);
    for (let sent = 0; sent <= LIMITS.messageBytes; sent += part.length) if (!client.socket.write(part)) await once(client.socket, 'drain');
    client.socket.write('\n{"jsonrpc":"2.0","id":1,"method":"ping"}\n');
    expect(await client.next()).toMatchObject({ id: null, error: { code: -32007, data: { name: 'too_large' } } });
    expect(await client.next()).toMatchObject({ id: 1, result: { pong: true } });
  });

  it('that is not UTF-8 is a parse error', async () => {
    const client = await open();
    client.socket.write(Buffer.from([0x22, 0xff, 0x22, 0x0a]));
    expect(await client.next()).toMatchObject({ id: null, error: { code: -32700 } });
  });

  it('is answered also when the client has said that it sends no more; then the server ends', async () => {
    const client = await open();
    const { release, init, act } = held();
    client.socket.write(`${init}\n`);
    client.socket.end(act);
    expect(await client.next()).toMatchObject({ id: 1 });
    const answer = client.next();
    while (server.parts.server.connections === 0) await new Promise<void>((resolve) => setImmediate(resolve));
    await new Promise<void>((resolve) => setImmediate(resolve));
    release();
    expect(await answer).toMatchObject({ id: 2, result: { status: 200 } });
    expect(await client.next()).toBeUndefined();
  });

  it('works over any pair of byte streams, standard input and output for one', async () => {
    const { release, init, act } = held();
    const input = new PassThrough();
    const output = new PassThrough();
    server.parts.server.acceptLines(input, output);
    input.end(`${init}\n${act}\n`);
    // The input is gone as a whole before the last answer is there, as a standard input that is a file is.
    await once(input, 'close');
    release();
    let text = '';
    for await (const part of output) text += String(part);
    const lines = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Line);
    expect(lines.map(({ id, method }) => id ?? method)).toEqual(['headgate/hello', 1, 2]);
  });
});

describe('{#transport_unix} a foreign listener', () => {
  it('that is alive on the path is not thrown out', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'headgate-test-'));
    const path = join(folder, 's.sock');
    const foreign = createServer((socket) => socket.end());
    foreign.listen(path);
    await once(foreign, 'listening');
    await expect(server.parts.server.listenUnix(path)).rejects.toMatchObject({ kind: 'conflict' });
    expect((await stat(path)).isSocket()).toBe(true);
    foreign.close();
    await once(foreign, 'close');
    await rm(folder, { recursive: true });
  });
});
