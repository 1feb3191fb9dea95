import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { TtyConnection } from '../../../src/cli/tty/connection.ts';
import { ttyChunk } from '../../../src/rpc/protocol/tty-frames.ts';

const FIRST = { operation: 'tty/open', carriage: 'raw' } as const;
const OPENED = { ok: true, run: 'tty', path: 'log://turn_0/sh/x', backend: 'process', tty: null, channels: [] };

describe('{#cli_tty} a connection of headgate tty', () => {
  let server: WebSocketServer;
  let url: string;
  beforeEach(async () => {
    server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    await once(server, 'listening');
    url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/tty`;
  });
  afterEach(async () => {
    for (const client of server.clients) client.terminate();
    await new Promise((resolve) => server.close(resolve));
  });

  it('gives out nothing before its opener has looked at the answer, also when both come at once', async () => {
    server.on('connection', (socket) =>
      socket.once('message', () => {
        // The network may join what was sent in turn.
        const { _socket: tcp } = socket as unknown as { _socket: { cork(): void; uncork(): void } };
        tcp.cork();
        socket.send(JSON.stringify(OPENED));
        socket.send(ttyChunk('stdout', Buffer.from('early')));
        tcp.uncork();
      }),
    );
    let out = '';
    const listener = { output: (_: string, bytes: Buffer) => void (out += bytes.toString()), news: () => {} };
    const connection = await TtyConnection.open({ url, token: undefined }, FIRST, listener);
    await new Promise((resolve) => setImmediate(resolve));
    expect([connection.opened.path, out]).toEqual([OPENED.path, '']);
    connection.begin();
    await expect.poll(() => out).toBe('early');
    connection.terminate();
    await connection.ended;
  });

  it('ends when nothing comes any more, not even a ping, and lives as long as pings come', async () => {
    let peer: WebSocket | undefined;
    server.on('connection', (socket) => {
      peer = socket;
      socket.once('message', () => socket.send(JSON.stringify(OPENED)));
    });
    const connection = await TtyConnection.open({ url, token: undefined, silentMs: 1000 }, FIRST, { output: () => {}, news: () => {} });
    connection.begin();
    let over = false;
    void connection.ended.then(() => {
      over = true;
    });
    for (let beat = 0; beat < 6; beat++) {
      peer?.ping();
      await once(peer as WebSocket, 'pong');
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
    expect(over).toBe(false);
    expect(await connection.ended).toBe('the connection broke');
  });
});
