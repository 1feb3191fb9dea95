import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Ready } from './built-server.ts';

/** A way to a server that lets only so much through. */
export interface Link {
  readonly url: string;
  readonly token: string;
  /** Ends it with every connection. */
  close(): void;
}

/** Opens a port in front of a server; what comes from the client's side passes at `bytesPerSecond`. */
export async function slowLink(server: Pick<Ready, 'url' | 'token'>, bytesPerSecond: number): Promise<Link> {
  const target = new URL(server.url);
  const sockets = new Set<Socket>();
  const listener = createServer({ highWaterMark: 16 * 1024 }, (near) => {
    const far = connect(Number(target.port), '127.0.0.1');
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.on('error', () => {});
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
    }
    far.pipe(near);
    near.on('data', (bytes: Buffer) => {
      far.write(bytes);
      near.pause();
      setTimeout(() => near.resume(), (bytes.length / bytesPerSecond) * 1000);
    });
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  return {
    url: `ws://127.0.0.1:${(listener.address() as AddressInfo).port}${target.pathname}`,
    token: server.token,
    close: () => {
      for (const socket of sockets) socket.destroy();
      listener.close();
    },
  };
}
