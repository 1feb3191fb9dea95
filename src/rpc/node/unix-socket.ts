import { connect } from 'node:net';
import type { Transport } from '../client/index.ts';
import { LineTransport } from './line-transport.ts';
import { CLOSE_MS } from './patience.ts';

/** Connects to a server's unix socket. Rejects with the system error when no server listens there. */
export function connectUnixSocket(path: string): Promise<Transport> {
  const socket = connect(path);
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      let failure = '';
      socket.on('error', (error) => {
        failure = error.message;
      });
      resolve(
        new LineTransport({
          input: socket,
          output: socket,
          end: () => {
            socket.destroySoon();
            setTimeout(() => socket.destroy(), CLOSE_MS).unref();
          },
          onEnd: (listener) => void socket.on('close', () => listener(failure)),
        }),
      );
    });
  });
}
