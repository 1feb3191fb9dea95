import { spawnSync } from 'node:child_process';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { limited, limitPeer } from '../lib/limits.mjs';
import { treeOf } from '../lib/proc.mjs';
import { Sampler } from '../lib/sampler.mjs';
import { Scope } from '../lib/scope.mjs';
import { overTime } from '../lib/series.mjs';
import { startFloor, startHeadgate } from '../lib/servers.mjs';
import { shellQuoted } from '../lib/shell.mjs';

const TICKER = fileURLToPath(new URL('../lib/ticker.pl', import.meta.url));
const READERS = 4;
const FULL = { producers: 500, seconds: 30 };
const QUICK = { producers: 100, seconds: 5 };
const P99_MS = 20;
const CORES = 0.5;
/** 4 MiB a command, most of which is the command's own. */
const TREE_MIB = 2000;
/** What the start of all of them may take, and the wait for the last line. */
const START_MS = 180_000;
const GRACE_MS = 30_000;
const FLOOR = 'child -> Node -> ws clients, nothing stored';
const WHAT = `${FULL.producers} commands, a line a second each for ${FULL.seconds} s, to ${READERS} clients`;

export const manyProducers = {
  once: true,
  results: [
    limited(P99_MS, 'ms', {
      name: 'many-producers',
      what: `${WHAT}, no line lost: from before its write to the client, p99`,
      floor: FLOOR,
    }),
    limited(CORES, 'cores', {
      name: 'many-producers-cpu',
      what: "processor time of the server's process during that",
      floor: FLOOR,
    }),
    limited(TREE_MIB, 'MiB', {
      name: 'many-producers-tree',
      what: 'memory of the server, the shims, the copiers and the commands themselves during that (PSS)',
      floor: FLOOR,
    }),
  ],
  drivesClient: true,
  async measure({ client, quick }) {
    if (spawnSync('perl', ['-MTime::HiRes', '-e', '1'], { stdio: 'ignore' }).status !== 0) {
      throw new Error('perl with Time::HiRes is not installed (Debian: apt-get install perl); the commands are written in it');
    }
    const size = quick ? QUICK : FULL;
    const ours = await oneServer(client, size, 'headgateManyStart', async (scope) => {
      const server = await startHeadgate(scope, scope.folder());
      return { pid: server.pid, params: { server: { url: server.url, token: server.token, root: scope.folder() } }, command: asText };
    });
    const floor = await oneServer(client, size, 'rawManyStart', async (scope) => {
      const { url, pid } = await startFloor(scope);
      return { pid, params: { url }, command: (words) => words };
    });
    return {
      'many-producers': {
        value: ours.p99,
        floor: floor.p99,
        peers: { ...limitPeer(P99_MS, 'ms'), 'p50, ms': ours.p50, 'largest, ms': ours.max },
        series: overTime(`${size.producers} commands, a line a second each, ${READERS} clients`, ours.samples),
      },
      'many-producers-cpu': {
        value: ours.cores,
        floor: floor.cores,
        peers: { ...limitPeer(CORES, 'cores'), 'resident memory, MiB': ours.peakRssMiB },
      },
      'many-producers-tree': {
        value: ours.tree.pssMiB,
        floor: floor.tree.pssMiB,
        peers: {
          ...limitPeer(TREE_MIB, 'MiB'),
          processes: ours.tree.processes,
          'processes of the floor': floor.tree.processes,
          'of it the copiers, MiB': ours.tree.of('cat').pssMiB,
          'of it the shims, MiB': ours.tree.of('sh').pssMiB,
        },
      },
    };
  },
};

const asText = (words) => `exec ${shellQuoted(words)}`;

/** Starts all of them on one server, lets them begin together, and measures until the last line. */
async function oneServer(client, { producers, seconds }, job, start) {
  const scope = new Scope();
  try {
    const { pid, params, command } = await start(scope);
    const file = join(scope.folder(), 'begin');
    const commands = Array.from({ length: producers }, (_, id) => command(['perl', TICKER, String(id), String(seconds), file]));
    await client(job, { ...params, commands, readers: READERS }, START_MS);
    const tree = treeOf(pid);
    const sampler = new Sampler(pid);
    // They look for it five times a second; in one step, so that nobody reads half of it.
    writeFileSync(`${file}.tmp`, `${process.hrtime.bigint() + 1_000_000_000n}\n`);
    renameSync(`${file}.tmp`, file);
    const limitMs = seconds * 1000 + GRACE_MS;
    const told = await client('manyCollect', { expected: producers * seconds, limitMs }, limitMs + GRACE_MS);
    const used = sampler.stop();
    const wrong = told.received.some((count) => count !== producers * seconds) || told.outOfOrder > 0;
    if (wrong) {
      throw new Error(
        `of ${producers * seconds} lines the clients got ${told.received.join(', ')}; ${told.outOfOrder} were not the next of their command`,
      );
    }
    return { ...told, ...used, tree };
  } finally {
    await scope.close();
  }
}
