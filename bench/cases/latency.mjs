import { fileURLToPath } from 'node:url';
import { CODEX, withWebsocketd } from '../lib/peers.mjs';
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
  against: CODEX,
  target: { atMost },
});

export const latency = {
  results: [result('latency-line', 50, 1.2), result('latency-line-p99', 99, 1.2)],
  drivesServer: true,
  async measure({ client, server, floor, has, codex, quick }) {
    const count = WARM_UP + (quick ? 100 : 300);
    const command = [process.execPath, TICKER, String(INTERVAL_MS), String(count)];
    const quoted = shellQuoted(command);
    const series = {
      value: await client('headgateLatency', { server, command: quoted }),
      [CODEX]: codex === null ? null : await client('codexLatency', { codex, command }),
      floor: await client('rawLatency', { url: floor.url, command }),
      'websocketd (a frame a line)': has.websocketd ? await withWebsocketd(client, 'rawLatency', { command, lines: true }) : null,
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
