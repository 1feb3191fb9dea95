import { startClient } from '../lib/client.mjs';
import { Scope } from '../lib/scope.mjs';

const CLIENTS = 64;
const PIECE_BYTES = 64 * 1024;
const ROUNDS = 100;
const FLOOR = 'serialising for each client';
const TRANSFER = 8 * 1024 * 1024;
const COMMAND = ['/bin/sh', '-c', `yes 'a line of 32 bytes, with its LF' | head -c ${TRANSFER}`];

/** Microseconds to build and send one piece to all clients, in a process that has done nothing before. */
async function framesUs(allocator) {
  const scope = new Scope();
  try {
    return await startClient(scope)('fanOutFrames', { clients: CLIENTS, pieceBytes: PIECE_BYTES, rounds: ROUNDS, allocator });
  } finally {
    await scope.close();
  }
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
    const { shared, each } = await framesUs('fresh');
    const grown = await framesUs('grown');
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
          'the same once the C allocator keeps freed memory': megabytes / (grown.shared / 1e6),
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
