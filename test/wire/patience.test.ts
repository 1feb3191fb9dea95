import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { Transport } from '../../src/rpc/client/index.ts';
import { connectStdio } from '../../src/rpc/node/stdio.ts';
import { connectWebSocket } from '../../src/rpc/node/websocket.ts';

const ended = (transport: Transport): Promise<string> => new Promise((resolve) => transport.onClose(resolve));

describe('{#client_transports} a program on standard input and output', () => {
  it('has ended when it has, also when what it left in the background holds its output open', async () => {
    const transport = await connectStdio(['sh', '-c', 'sleep 300 & echo $! >&2; exec sleep 0.1']);
    const pid = Number(await ended(transport));
    expect(pid).toBeGreaterThan(1);
    process.kill(pid, 'SIGKILL');
  });

  it('that writes a line without end is ended, and says why', async () => {
    const transport = await connectStdio(['sh', '-c', 'head -c 140000000 /dev/zero; exec sleep 300']);
    transport.onMessage(() => {});
    expect(await ended(transport)).toMatch(/a line over 134217728 bytes/);
  });
});

describe('{#ping} a WebSocket', () => {
  it('that brings a long message slowly is not taken for silent', async () => {
    const server = createServer();
    const [bytes, piece] = [200_000, 10_000];
    server.on('upgrade', (request, socket) => {
      const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
      const accept = createHash('sha1').update(key).digest('base64');
      const head = Buffer.alloc(10);
      head[0] = 0x81;
      head[1] = 127;
      head.writeBigUInt64BE(BigInt(bytes), 2);
      socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n');
      socket.write(`Sec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: headgate\r\n\r\n`);
      socket.write(head);
      let left = bytes;
      const timer = setInterval(() => {
        socket.write(Buffer.alloc(piece, 'x'));
        left -= piece;
        if (left === 0) clearInterval(timer);
      }, 100);
      socket.on('error', () => clearInterval(timer));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const transport = await connectWebSocket(`ws://127.0.0.1:${port}/rpc`, undefined, {}, 1000);
    const message = new Promise<string>((resolve) => transport.onMessage(resolve));
    expect(await Promise.race([message.then((text) => text.length), ended(transport)])).toBe(bytes);
    transport.close();
    server.closeAllConnections();
    server.close();
  });
});
