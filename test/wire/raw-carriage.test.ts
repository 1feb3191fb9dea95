import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FRAME, type Params, type WireClient } from '../support/built-server.ts';
import { startServer, type WireServer } from '../support/server.ts';

let server: WireServer;
beforeEach(async () => {
  server = await startServer();
});
afterEach(() => server.close());

interface Opened {
  subscription: number;
  channels: { channel: number; handle?: number; offset: number }[];
}
interface Frame {
  handle: number;
  channel: number;
  offset: number;
  bytes: Buffer;
}

/** Bytes that came for a handle on a channel; throws on a gap, an overlap or bytes after the end. */
function received(client: WireClient, handle: number, channel: number, from = 0): Buffer {
  const parts: Buffer[] = [];
  let at = from;
  for (const { method, params } of client.notices) {
    if (method !== FRAME) continue;
    const frame = params as unknown as Frame;
    if (frame.handle !== handle || frame.channel !== channel) continue;
    if (frame.offset !== at) throw new Error(`expected offset ${at}, got ${frame.offset}`);
    parts.push(frame.bytes);
    at += frame.bytes.length;
  }
  return Buffer.concat(parts);
}

async function write(client: WireClient, path: string, channel: number, bytes: Buffer): Promise<void> {
  await client.call('stream', { run: 'r1', path, channel, chunk: bytes.toString('base64'), encoding: 'base64' });
}

const ended = (client: WireClient, subscription: number) =>
  client.notice('stream/ended', (params) => params['subscription'] === subscription);

/** All 256 byte values, 300 KiB of them: no UTF-8, with NULs, cut into several segments. */
const BYTES = Buffer.alloc(300 * 1024, Buffer.from(Array.from({ length: 256 }, (_, i) => i)));

describe('{#raw_carriage} a subscription with carriage raw', () => {
  it('gets every byte of both channels as it was stored, then the end, and no stream/chunk', async () => {
    const { path } = server.parts.accept('build');
    const client = await server.connect();
    await write(client, path, 1, BYTES);
    const { subscription, channels } = await client.call<Opened & Params>('stream/subscribe', { run: 'r1', path, carriage: 'raw' });
    const handle = channels[0]?.handle ?? -1;
    expect(channels.map((one) => one.handle)).toEqual([handle, handle]);
    await write(client, path, 2, Buffer.from('tail'));
    await client.call('stream/completed', { run: 'r1', path, exit_code: 0 });
    await ended(client, subscription);
    expect(received(client, handle, 1).equals(BYTES)).toBe(true);
    expect(received(client, handle, 2).toString()).toBe('tail');
    expect(client.notices.some(({ method }) => method === 'stream/chunk')).toBe(false);
    expect(client.notices.at(-1)?.method).not.toBe(FRAME);
  });

  it('tells the handle of a producer that comes later before its first frame', async () => {
    const client = await server.connect();
    const { subscription, channels } = await client.call<Opened & Params>('stream/subscribe', {
      run: 'r1',
      pattern: 'log://**',
      carriage: 'raw',
    });
    expect(channels).toEqual([]);
    const paths = [server.parts.accept('one').path, server.parts.accept('two').path];
    for (const path of paths) {
      await write(client, path, 1, Buffer.from(path));
      await client.call('stream/completed', { run: 'r1', path });
    }
    for (const path of paths) {
      const opened = await client.notice('stream/opened', (params) => params['path'] === path);
      expect(opened).toMatchObject({ subscription, run: 'r1' });
      await client.notice('stream/ended', (params) => params['path'] === path && params['subscription'] === subscription);
      expect(received(client, opened['handle'] as number, 1).toString()).toBe(path);
      const first = client.notices.findIndex(({ method, params }) => method === FRAME && params['handle'] === opened['handle']);
      expect(client.notices.findIndex(({ params }) => params === opened)).toBeLessThan(first);
    }
  });

  it('beside another one of the same producer on the same connection keeps them apart by their handles', async () => {
    const { path } = server.parts.accept('build');
    const client = await server.connect();
    await write(client, path, 1, Buffer.from('0123456789'));
    const subscribe = (params: Params) => client.call<Opened & Params>('stream/subscribe', { run: 'r1', path, channel: 1, ...params });
    const whole = await subscribe({ carriage: 'raw' });
    const tail = await subscribe({ carriage: 'raw', from: 6 });
    const json = await subscribe({ from: 8 });
    expect(json.channels[0]).not.toHaveProperty('handle');
    await client.call('stream/completed', { run: 'r1', path });
    for (const { subscription } of [whole, tail, json]) await ended(client, subscription);
    expect(received(client, whole.channels[0]?.handle ?? -1, 1).toString()).toBe('0123456789');
    expect(received(client, tail.channels[0]?.handle ?? -1, 1, 6).toString()).toBe('6789');
    expect(client.received(path, 1, 8).toString()).toBe('89');
  });

  it('that does not read is stopped at the mark, then served from its cursor', async () => {
    const { path } = server.parts.accept('build');
    const [writer, reader] = [await server.connect(), await server.connect()];
    const { subscription, channels } = await reader.call<Opened & Params>('stream/subscribe', { run: 'r1', path, carriage: 'raw' });
    reader.socket.pause();
    const all: Buffer[] = [];
    for (let i = 0; i < 64; i++) {
      all.push(BYTES.subarray(i));
      await write(writer, path, 1, BYTES.subarray(i));
    }
    await writer.call('stream/completed', { run: 'r1', path });
    reader.socket.resume();
    await ended(reader, subscription);
    expect(received(reader, channels[0]?.handle ?? -1, 1).equals(Buffer.concat(all))).toBe(true);
  });

  it('as text is refused with what to do instead', async () => {
    const { path } = server.parts.accept('build');
    const client = await server.connect();
    await expect(client.call('stream/subscribe', { run: 'r1', path, carriage: 'raw', format: 'text' })).rejects.toMatchObject({
      code: -32602,
      data: { name: 'invalid_params', field: 'carriage' },
    });
  });

  it('over the unix socket is refused as unsupported', async () => {
    const { path } = server.parts.accept('build');
    const socket = connect(server.socket);
    await once(socket, 'connect');
    const { name, root } = server.parts.project;
    const calls = [
      { method: 'init', params: { name, projectRoot: root } },
      { method: 'stream/subscribe', params: { run: 'r1', path, carriage: 'raw' } },
    ];
    for (const [id, call] of calls.entries()) socket.write(`${JSON.stringify({ jsonrpc: '2.0', id, ...call })}\n`);
    let text = '';
    for await (const part of socket) {
      text += String(part);
      if (text.includes('"id":1,')) break;
    }
    expect(text).toContain('"name":"unsupported"');
    expect(text).toContain('connect by WebSocket');
  });
});
