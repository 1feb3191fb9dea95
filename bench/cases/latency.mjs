import { fileURLToPath } from 'node:url';
import { Scope } from '../lib/scope.mjs';
import { startWebsocketd } from '../lib/servers.mjs';
import { shellQuoted } from '../lib/shell.mjs';
import { percentile } from '../lib/stats.mjs';

const TICKER = fileURLToPath(new URL('../lib/ticker.mjs', import.meta.url));
const INTERVAL_MS = 20;
const FLOOR = 'child -> Node -> ws client, nothing stored';

/** Lines while the processes were still starting and compiling their code; left out everywhere. */
const WARM_UP = 25;

const result = (name, percent, atMost) => ({
  name,
  what: `a line every ${INTERVAL_MS} ms, from before its write to the client, p${percent}`,
  unit: 'us',
  floor: FLOOR,
  against: FLOOR,
  target: { atMost },
});

export const latency = {
  results: [result('latency-line', 50, 1.3), result('latency-line-p99', 99, 2)],
  drivesServer: true,
  async measure({ client, server, floor, has, quick }) {
    const count = WARM_UP + (quick ? 100 : 300);
    const command = [process.execPath, TICKER, String(INTERVAL_MS), String(count)];
    const quoted = shellQuoted(command);
    const series = {
      value: await client('headgateLatency', { server, command: quoted }),
      floor: await client('rawLatency', { url: floor.url, command }),
      'websocketd (a frame a line)': has.websocketd ? await websocketdLatency(client, command) : null,
      'plain pipe': await client('pipeLatency', { command }),
    };
    const at = (percent) => {
      const of = (us) => (us === null ? null : percentile(complete(us, count).slice(WARM_UP), percent));
      const { value, floor: floorSeries, ...peers } = series;
      return {
        value: of(value),
        floor: of(floorSeries),
        peers: Object.fromEntries(Object.entries(peers).map(([name, us]) => [name, of(us)])),
      };
    };
    return { 'latency-line': at(50), 'latency-line-p99': at(99) };
  },
};

function complete(us, count) {
  if (us.length !== count) throw new Error(`${us.length} lines arrived instead of ${count}`);
  return us;
}

async function websocketdLatency(client, command) {
  const scope = new Scope();
  try {
    return await client('rawLatency', { url: await startWebsocketd(scope, [], command), lines: true });
  } finally {
    await scope.close();
  }
}
