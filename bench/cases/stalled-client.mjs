import { setTimeout as delay } from 'node:timers/promises';
import { startClient } from '../lib/client.mjs';
import { limited, limitPeer } from '../lib/limits.mjs';
import { stateOf } from '../lib/proc.mjs';
import { Sampler } from '../lib/sampler.mjs';
import { Scope, within } from '../lib/scope.mjs';
import { median } from '../lib/stats.mjs';

const OTHERS = 7;
const COMMAND = 'seq 1 10000000';
const BYTES = 78_888_897;
const PAIRS = 3;
const WITHOUT = 'the seven without it';
const MEMORY_MIB = 2;
const SAMPLE_MS = 20;

export const stalledClient = {
  results: [
    {
      name: 'stalled-client',
      what: `\`${COMMAND}\` (78.9 MB) to ${OTHERS} clients beside one whose process is stopped`,
      unit: 'MB/s',
      floor: WITHOUT,
      against: WITHOUT,
      target: { atLeast: 0.95 },
    },
    limited(MEMORY_MIB, 'MiB', {
      name: 'stalled-client-memory',
      what: "the server's mean resident memory during that, above what it is without the stopped client",
      floor: 'the same between two runs without one',
    }),
  ],
  drivesServer: true,
  async measure({ client, server, quick }) {
    const carriage = await client('carriage', { server });
    const once = (stalled) => transfer({ client, server, carriage, stalled });
    await once(false);
    const runs = { before: [], stalled: [], after: [] };
    for (let pair = 0; pair < (quick ? 1 : PAIRS); pair++) {
      runs.before.push(await once(false));
      runs.stalled.push(await once(true));
      runs.after.push(await once(false));
    }
    const mean = (index, key) => (runs.before[index][key] + runs.after[index][key]) / 2;
    const over = (work) => median(runs.stalled.map((run, index) => work(run, index)));
    return {
      'stalled-client': {
        value: over((run) => run.rate),
        floor: over((_, index) => mean(index, 'rate')),
        peers: {},
      },
      'stalled-client-memory': {
        value: over((run, index) => run.meanRssMiB - mean(index, 'meanRssMiB')),
        floor: over((_, index) => Math.abs(runs.after[index].meanRssMiB - runs.before[index].meanRssMiB)),
        peers: {
          ...limitPeer(MEMORY_MIB, 'MiB'),
          'the same of the peaks': over((run, index) => run.peakRssMiB - mean(index, 'peakRssMiB')),
        },
      },
    };
  },
};

/** One command to the seven, with or without a stopped eighth. */
async function transfer({ client, server, carriage, stalled }) {
  const scope = new Scope();
  try {
    const target = await client('fleetOpen', { server, command: COMMAND, carriage, clients: OTHERS });
    const eighth = stalled ? startClient(scope) : undefined;
    if (eighth) {
      await eighth('holdOpen', { server, ...target, carriage });
      process.kill(eighth.pid, 'SIGSTOP');
      await within(5000, 'the stop of the eighth client', stopped(eighth.pid));
    }
    const sampler = new Sampler(server.pid, { everyMs: SAMPLE_MS });
    const { seconds, bytes } = await client('fleetRun', {}).finally(() => sampler.pause());
    const { meanRssMiB, peakRssMiB } = sampler.stop();
    if (bytes.some((count) => count !== BYTES)) throw new Error(`a client got ${bytes.join(', ')} bytes instead of ${BYTES}`);
    if (eighth && stateOf(eighth.pid) !== 'T') throw new Error('the eighth client did not stay stopped');
    return { rate: (BYTES * OTHERS) / 1e6 / seconds, meanRssMiB, peakRssMiB };
  } finally {
    await scope.close();
  }
}

async function stopped(pid) {
  while (stateOf(pid) !== 'T') await delay(5);
}
