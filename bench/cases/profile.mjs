import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startClient } from '../lib/client.mjs';
import { Scope, within } from '../lib/scope.mjs';
import { SEQ_LINE } from '../lib/seq.mjs';
import { startHeadgate } from '../lib/servers.mjs';
import { shellQuoted } from '../lib/shell.mjs';

const UNBUNDLED = fileURLToPath(new URL('../lib/unbundled.mjs', import.meta.url));
const TICKER = fileURLToPath(new URL('../lib/ticker.mjs', import.meta.url));
const SIGNAL_MS = 30_000;
const START = { command: 'echo started', pauseMs: 30 };

const transfer = (name, carriage) => ({
  name,
  what: `\`${SEQ_LINE}\` to one client`,
  job: 'headgateThroughput',
  params: { command: SEQ_LINE, carriage },
  warmUps: 3,
  times: 10,
});

/** The paths that are to be short, each with what drives it; `warmUps` calls come before the profile begins. */
const PATHS = [
  transfer('throughput-json', 'json'),
  transfer('throughput-raw', 'raw'),
  {
    name: 'line',
    what: '500 lines, one every 20 ms, to one client',
    job: 'headgateLatency',
    params: { command: shellQuoted([process.execPath, TICKER, '20', '500']) },
    warmUps: 1,
    times: 1,
  },
  {
    name: 'start',
    what: '100 times `sh` and the call that accepts it',
    job: 'headgateStart',
    params: { ...START, times: 100 },
    warmUps: 1,
    times: 1,
  },
];

/** The server under V8's sampling profiler on each path. */
export async function profile() {
  const paths = [];
  for (const { name, what, ...work } of PATHS) paths.push({ name, what, profile: await profileOf(work) });
  return paths;
}

async function profileOf({ job, params, warmUps, times }) {
  const scope = new Scope();
  try {
    const data = scope.folder();
    const { child, url, token } = await startHeadgate(scope, data, { entry: UNBUNDLED });
    const client = startClient(scope);
    const repeat = async (count) => {
      for (let time = 0; time < count; time++) await client(job, { server: { url, token, root: data }, ...params });
    };
    const toggle = async () => {
      const done = once(child.stdout, 'data');
      child.kill('SIGUSR2');
      await within(SIGNAL_MS, 'the profiler', done);
    };
    await repeat(warmUps);
    await toggle();
    await repeat(times);
    await toggle();
    return JSON.parse(readFileSync(join(data, 'profile.cpuprofile'), 'utf8'));
  } finally {
    await scope.close();
  }
}
