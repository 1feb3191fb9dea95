import { Sender } from 'ws';
import { median, timed } from './stats.mjs';

const MIB = 1024 * 1024;

/** Terminal output as people see it: colours, and characters beyond ASCII. */
function colouredText(size) {
  const line = Buffer.from('\u001b[32m✓\u001b[39m größe \u001b[2m(12 ms)\u001b[22m src/naïve/café.ts — ok\n');
  return Buffer.concat(Array(Math.floor(size / line.length)).fill(line));
}

/** The WebSocket library's sender on a connection that takes everything and does nothing with it: what is left is the server's own work. */
function newSender() {
  const sender = new Sender({ cork() {}, uncork() {}, write: () => true });
  return (data) => sender.send(data, { binary: false, fin: true, compress: false, mask: false });
}

/** The same for the server's own end: a WebSocket that is open, and the connection under it. */
function newConnection() {
  const tcp = { cork() {}, uncork() {}, write: () => true, bytesRead: 0, bytesWritten: 0, writableLength: 0 };
  return [{ OPEN: 1, readyState: 1, bufferedAmount: 0, on() {}, ping() {}, terminate() {} }, tcp];
}

export const fanOutJobs = {
  /**
   * Median microseconds to build and send one piece to all clients: `shared` with the server's frames, `each` with a
   * serialisation for each client. The two take turns. With `allocator: "grown"` a large block is freed first: after that
   * glibc keeps what is freed, where a young process gives it back to the system and is handed empty pages again.
   */
  async fanOutFrames({ clients, pieceBytes, rounds, allocator }) {
    // Here, because the other jobs are to measure without the server's code in their process.
    const { sendChunk } = await import('../../dist/src/rpc/server/chunk-frame.js');
    const { WebSocketChannel } = await import('../../dist/src/rpc/server/transports/websocket.js');
    if (allocator === 'grown') for (let block = 0; block < 4; block++) Buffer.allocUnsafeSlow(8 * MIB).fill(1);
    const senders = Array.from({ length: clients }, newSender);
    const channels = Array.from({ length: clients }, () => new WebSocketChannel(...newConnection()));
    const bytes = colouredText(pieceBytes);
    const newPiece = () => ({ run: 'bench', path: 'log://turn_0/sh/fan-out', channel: 1, offset: 0, bytes, at: Date.now(), shared: true });
    const shared = () => {
      const piece = newPiece();
      channels.forEach((channel, client) => sendChunk(client, piece, (head, tail) => channel.sendText(head, tail)));
    };
    const each = () => {
      const { bytes: content, ...rest } = newPiece();
      senders.forEach((send, subscription) => {
        const params = { subscription, ...rest, chunk: content.toString(), encoding: 'utf8' };
        send(JSON.stringify({ jsonrpc: '2.0', method: 'stream/chunk', params }));
      });
    };
    const times = { shared: [], each: [] };
    for (let round = 0; round < rounds; round++) {
      times.shared.push(...timed(1, shared));
      times.each.push(...timed(1, each));
    }
    return { shared: median(times.shared), each: median(times.each) };
  },
};
