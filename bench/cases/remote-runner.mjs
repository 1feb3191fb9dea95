import { fileURLToPath } from 'node:url';
import { SEQ, SEQ_LINE, seqRate } from '../lib/seq.mjs';
import { startRunner } from '../lib/servers.mjs';
import { shellQuoted } from '../lib/shell.mjs';
import { percentile } from '../lib/stats.mjs';

const TICKER = fileURLToPath(new URL('../lib/ticker.mjs', import.meta.url));
const INTERVAL_MS = 20;
const WARM_UP = 25;
const EMBEDDED = 'the runner inside the server';
const FLOOR = 'child -> Node -> ws client, nothing stored';
const NAME = 'bench';

/** Output that a runner of its own process brings over a WebSocket on loopback, beside what the embedded one stores. */
export const remoteRunner = {
  results: [
    {
      name: 'runner-throughput',
      what: `\`${SEQ_LINE}\` (38.9 MB) on a runner of its own process -> server, SQLite -> one client, binary frames`,
      unit: 'MB/s',
      floor: FLOOR,
      against: EMBEDDED,
      target: { atLeast: 0.5 },
    },
    {
      name: 'runner-latency-line',
      what: `a line every ${INTERVAL_MS} ms on a runner of its own process, from before its write to the client, p50`,
      unit: 'us',
      floor: FLOOR,
      against: EMBEDDED,
      target: { atMost: 2 },
    },
  ],
  drivesServer: true,
  async measure({ client, scope, server, floor, memo, quick }) {
    memo.runner ??= await startRunner(scope, scope.folder(), server, NAME);
    const throughput = async (where) =>
      seqRate(await client('headgateThroughput', { server, command: SEQ_LINE, carriage: 'raw', place: where }));
    const count = WARM_UP + (quick ? 100 : 300);
    const ticker = [process.execPath, TICKER, String(INTERVAL_MS), String(count)];
    const latency = async (where) => p50(await client('headgateLatency', { server, command: shellQuoted(ticker), place: where }), count);
    const runner = `name:${NAME}`;
    return {
      'runner-throughput': {
        value: await throughput({ runner }),
        floor: seqRate(await client('rawThroughput', { url: floor.url, command: SEQ })),
        peers: { [EMBEDDED]: await throughput({}) },
      },
      'runner-latency-line': {
        value: await latency({ runner }),
        floor: p50(await client('rawLatency', { url: floor.url, command: ticker }), count),
        peers: { [EMBEDDED]: await latency({}) },
      },
    };
  },
};

function p50(us, count) {
  if (us.length !== count) throw new Error(`${us.length} lines arrived instead of ${count}`);
  return percentile(us.slice(WARM_UP), 50);
}
