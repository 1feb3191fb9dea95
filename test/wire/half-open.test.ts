import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TestEventSource } from '../support/event-source.ts';
import { startServer, TOKEN, type WireServer } from '../support/server.ts';

const PIECE = Buffer.alloc(256 * 1024, 'x');

let server: WireServer;
let sockets: Socket[];
beforeEach(async () => {
  sockets = [];
  server = await startServer({ pingMs: 40 });
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await server.close();
});

const auth = { authorization: `Bearer ${TOKEN}` };
const events = () => TestEventSource.open(`${server.http}/runs/r1/events`, auth);
const append = (path: string, bytes: Buffer) => server.parts.streams.append({ runId: server.parts.run.id, path, channel: 1, bytes });

/** A peer of nothing but TCP, which asks for a channel and then does not read. */
async function deaf(path: string): Promise<Socket> {
  const socket = connect(server.port, '127.0.0.1');
  sockets.push(socket);
  socket.on('error', () => {});
  socket.pause();
  await once(socket, 'connect');
  socket.write(
    `GET /runs/r1/channels/${encodeURIComponent(path)} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: ${auth.authorization}\r\n\r\n`,
  );
  await expect.poll(() => server.parts.server.connections).toBe(1);
  return socket;
}

/** Until a client that reads has been sent so many pings. */
async function pings(count: number): Promise<void> {
  const clock = await events();
  await clock.until(({ comments }) => comments >= count);
  clock.close();
}

describe('{#half_open} an event stream', () => {
  it('sends a comment at every interval in which it has nothing to send', async () => {
    const source = await events();
    await source.until(({ comments }) => comments >= 4);
    expect(source.over).toBeUndefined();
    source.close();
    await expect.poll(() => server.parts.server.connections).toBe(0);
  });

  it('whose peer takes nothing any more is ended, and all that was kept for it is given back', async () => {
    const { path } = server.parts.accept('build');
    const socket = await deaf(path);
    for (let i = 0; i < 64; i++) await append(path, PIECE);
    await expect.poll(() => server.parts.server.connections, { timeout: 10_000 }).toBe(0);
    // The end comes behind what the kernel had taken before.
    socket.resume();
    await once(socket, 'close');
    expect(socket.bytesRead).toBeLessThan(64 * PIECE.length);
  });

  it('whose peer does not read, as a stopped one, goes on while the kernel takes its bytes', async () => {
    const { path } = server.parts.accept('build');
    const socket = await deaf(path);
    await append(path, Buffer.from('early'));
    await pings(8);
    await append(path, Buffer.from(' late'));
    let text = '';
    socket.on('data', (bytes: Buffer) => (text += bytes.toString()));
    socket.resume();
    await expect.poll(() => text).toContain('"chunk":" late"');
    expect(text).toContain('"chunk":"early"');
  });
});

describe('{#half_open} the unix socket', () => {
  /** A client that has sent a request which waits, and has ended its side. */
  async function halfClosed(): Promise<{ socket: Socket; cancelled: Promise<unknown> }> {
    let abort: (reason: unknown) => void = () => {};
    const cancelled = new Promise((resolve) => (abort = resolve));
    const asked = new Promise<void>((resolve) => {
      server.parts.runtime.prompt = (caller) => {
        caller.signal.addEventListener('abort', () => abort(caller.signal.reason));
        resolve();
        return new Promise(() => {});
      };
    });
    const socket = connect({ path: server.socket, allowHalfOpen: true });
    sockets.push(socket);
    const { name, root } = server.parts.project;
    const lines = [
      { id: 1, method: 'init', params: { name, projectRoot: root } },
      { id: 2, method: 'act', params: { prompt: 'x', wait: true } },
    ];
    socket.end(lines.map((line) => `${JSON.stringify({ jsonrpc: '2.0', ...line })}\n`).join(''));
    await asked;
    return { socket, cancelled };
  }

  it('loses a client that had ended its side and is gone, and its request that waits is given up', async () => {
    const { socket, cancelled } = await halfClosed();
    socket.destroy();
    expect(await cancelled).toMatchObject({ kind: 'cancelled' });
    await expect.poll(() => server.parts.server.connections).toBe(0);
  });

  it('keeps a client that has ended its side and still reads', async () => {
    const { socket } = await halfClosed();
    let text = '';
    socket.on('data', (bytes: Buffer) => (text += bytes.toString()));
    await pings(6);
    expect(server.parts.server.connections).toBeGreaterThan(0);
    server.parts.tell('still here');
    await expect.poll(() => text).toContain('still here');
  });
});
