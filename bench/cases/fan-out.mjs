import { Sender } from 'ws';
import { chunkFrames } from '../../dist/src/rpc/server/chunk-frame.js';
import { median, timed } from '../lib/stats.mjs';

const CLIENTS = 64;
const PIECE_BYTES = 64 * 1024;
const ROUNDS = 60;
const FLOOR = 'serialising for each client';
const TRANSFER = 8 * 1024 * 1024;
const COMMAND = ['/bin/sh', '-c', `yes 'a line of 32 bytes, with its LF' | head -c ${TRANSFER}`];

/** Terminal output as people see it: colours, and characters beyond ASCII. */
function colouredText() {
  const line = '\u001b[32m✓\u001b[39m größe \u001b[2m(12 ms)\u001b[22m src/naïve/café.ts — ok\n';
  const bytes = Buffer.alloc(PIECE_BYTES, line);
  const end = bytes.lastIndexOf('\n') + 1;
  return Buffer.concat([bytes.subarray(0, end), Buffer.alloc(PIECE_BYTES - end, '.')]);
}

/** The WebSocket library's sender on a connection that takes everything and does nothing with it: what is left is the server's own work. */
function newSender() {
  const sender = new Sender({ cork() {}, uncork() {}, write: () => true });
  return (data) => sender.send(data, { binary: false, fin: true, compress: false, mask: false });
}

/** Microseconds to build and send one piece to all clients: with the server's frames, and with a serialisation for each. */
function buildAndSend() {
  const senders = Array.from({ length: CLIENTS }, newSender);
  const bytes = colouredText();
  const newPiece = () => ({ run: 'bench', path: 'log://turn_0/sh/fan-out', channel: 1, offset: 0, bytes, at: Date.now() });
  const shared = () => {
    const piece = newPiece();
    senders.forEach((send, client) => {
      for (const frame of chunkFrames(client, piece)) send(frame);
    });
  };
  const each = () => {
    const { bytes: content, ...rest } = newPiece();
    senders.forEach((send, subscription) => {
      const params = { subscription, ...rest, chunk: content.toString(), encoding: 'utf8' };
      send(JSON.stringify({ jsonrpc: '2.0', method: 'stream/chunk', params }));
    });
  };
  const times = { shared: [], each: [] };
  for (let round = 0; round < ROUNDS; round++) {
    times.shared.push(...timed(1, shared));
    times.each.push(...timed(1, each));
  }
  return { shared: median(times.shared), each: median(times.each) };
}

/** Megabytes a second to all clients together. */
function rate({ seconds, bytes }) {
  if (bytes.some((count) => count !== TRANSFER))
    throw new Error(`a client got ${bytes.find((count) => count !== TRANSFER)} bytes of ${TRANSFER}`);
  return (TRANSFER * CLIENTS) / 1e6 / seconds;
}

export const fanOut = {
  results: [
    {
      name: 'fan-out',
      what: `frames of a 64 KiB piece built and sent to ${CLIENTS} clients, sockets left out`,
      unit: 'MB/s',
      floor: FLOOR,
      against: FLOOR,
      target: { atLeast: 10 },
    },
  ],
  drivesServer: true,
  async measure({ client, server, floor }) {
    const { shared, each } = buildAndSend();
    const real = async (carriage) => {
      await client('fleetOpen', { server, command: COMMAND[2], carriage, clients: CLIENTS });
      return rate(await client('fleetRun', {}));
    };
    const best = await client('carriage', { server });
    const megabytes = (PIECE_BYTES * CLIENTS) / 1e6;
    return {
      'fan-out': {
        value: megabytes / (shared / 1e6),
        floor: megabytes / (each / 1e6),
        peers: {
          [`${CLIENTS} real clients in one process, JSON frames`]: await real('json'),
          [`${CLIENTS} real clients in one process, binary frames`]: best === 'raw' ? await real('raw') : null,
          [`child -> Node -> ${CLIENTS} real clients, nothing stored`]: rate(
            await client('rawFleet', { url: floor.url, command: COMMAND, clients: CLIENTS, total: TRANSFER }),
          ),
        },
      },
    };
  },
};
