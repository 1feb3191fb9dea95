import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Transport } from '../rpc/client/index.ts';
import { type MessageChannelLike, memoryPair } from '../rpc/server/index.ts';

/** Characters read before other work gets its turn: both ends are in this process, and neither would ever wait for a socket. */
const TURN_CHARS = 256 * 1024;

/** A connection to a server of this process, whose end `accept` serves. */
export function dialIn(server: { readonly accept: (channel: MessageChannelLike) => void }): Transport {
  const { channel, peer } = memoryPair();
  let closed = (_reason: string): void => {};
  server.accept(channel);
  return {
    send: (message) => peer.send(message),
    onMessage: (handler) => {
      void (async () => {
        let read = 0;
        for (let text = await peer.read(); text !== undefined; text = await peer.read()) {
          handler(text);
          read += text.length;
          if (read < TURN_CHARS) continue;
          read = 0;
          await nextTurn();
        }
        closed('the server has ended');
      })();
    },
    onClose: (handler) => {
      closed = handler;
    },
    close: () => peer.close(),
  };
}
