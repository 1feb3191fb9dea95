import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { limited, limitPeer } from '../lib/limits.mjs';
import { freeMiB, rssMiB } from '../lib/proc.mjs';
import { Sampler } from '../lib/sampler.mjs';
import { Scope } from '../lib/scope.mjs';
import { overTime } from '../lib/series.mjs';
import { startHeadgate } from '../lib/servers.mjs';
import { shellQuoted } from '../lib/shell.mjs';

const GENERATOR = fileURLToPath(new URL('../lib/generator.mjs', import.meta.url));
const MIB = 1024 * 1024;
const LIMIT_MIB = 64;
const SMALL_BYTES = 64 * MIB;
/** Database, its log and the spool, for each byte of output, with room to spare. */
const DISK_FACTOR = 2.5;
/** Slower than this is not measured on. */
const SLOWEST_BYTES_A_MS = 8 * 1024;
const SETTLE_MS = 1000;

export const memory = {
  once: true,
  results: [
    limited(LIMIT_MIB, 'MiB', {
      name: 'memory',
      what: '10 GiB through one channel to one client that checks each byte: growth of the resident memory of the server, peak over idle',
      floor: 'the same for 64 MiB, before it',
    }),
  ],
  drivesClient: true,
  async measure({ client, soakBytes }) {
    const scope = new Scope();
    try {
      const data = scope.folder();
      const needed = (soakBytes / MIB) * DISK_FACTOR;
      const free = freeMiB(data);
      if (free < needed)
        throw new Error(`needs ${gib(needed)} GiB of free disk for temporary files, there are ${gib(free)}; --soak-bytes takes less`);
      const { url, token, pid } = await startHeadgate(scope, data);
      const server = { url, token, root: scope.folder() };
      const carriage = await client('carriage', { server });
      await delay(SETTLE_MS);
      const idle = rssMiB(pid);
      const small = await soak({ client, server, carriage, pid, bytes: SMALL_BYTES, everyMs: 50 });
      const large = await soak({ client, server, carriage, pid, bytes: soakBytes, folder: data });
      return {
        memory: {
          value: large.peakRssMiB - idle,
          floor: small.peakRssMiB - idle,
          peers: {
            ...limitPeer(LIMIT_MIB, 'MiB'),
            'GiB transferred': soakBytes / MIB / 1024,
            [`rate with ${carriage === 'raw' ? 'binary' : 'JSON'} frames, MB/s`]: large.rate,
            'processor, cores': large.cores,
            'idle, MiB': idle,
            'largest data folder, GiB': Math.max(...large.samples.map((sample) => sample.diskMiB)) / 1024,
          },
          series: overTime(`${gib(soakBytes / MIB)} GiB through one channel to one client`, large.samples),
        },
      };
    } finally {
      await scope.close();
    }
  },
};

async function soak({ client, server, carriage, pid, bytes, folder, everyMs = 1000 }) {
  const command = shellQuoted([process.execPath, GENERATOR, String(bytes)]);
  const sampler = new Sampler(pid, { everyMs, ...(folder === undefined ? {} : { folder }) });
  try {
    const limitMs = 60_000 + bytes / SLOWEST_BYTES_A_MS;
    const result = await client('headgateSoak', { server, command, carriage }, limitMs);
    if (result.bytes !== bytes) throw new Error(`${result.bytes} bytes arrived instead of ${bytes}`);
    return { ...sampler.stop(), rate: bytes / 1e6 / result.seconds };
  } finally {
    sampler.pause();
  }
}

function gib(mib) {
  return Number((mib / 1024).toFixed(1));
}
