import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startClient } from '../lib/client.mjs';
import { summariseProfile } from '../lib/profile.mjs';
import { Scope, within } from '../lib/scope.mjs';
import { startHeadgate } from '../lib/servers.mjs';

const UNBUNDLED = fileURLToPath(new URL('../lib/unbundled.mjs', import.meta.url));

const COMMAND = 'seq 1 5000000';
const TIMES = 10;
const STOP_MS = 30_000;

/** The server under V8's sampling profiler while it carries the output of the throughput cases, in each carriage it has. */
export async function profile() {
  const profiles = [];
  for (const [carriage, name] of [
    ['json', 'JSON'],
    ['raw', 'binary'],
  ]) {
    const summary = await profileOf(carriage);
    if (summary) profiles.push({ carriage: name, summary });
  }
  return { command: COMMAND, times: TIMES, profiles };
}

async function profileOf(carriage) {
  const scope = new Scope();
  try {
    const folder = scope.folder();
    const nodeFlags = ['--cpu-prof', '--cpu-prof-dir', folder, '--cpu-prof-interval', '500'];
    const { child, ...started } = await startHeadgate(scope, scope.folder(), { nodeFlags, entry: UNBUNDLED });
    const server = { url: started.url, token: started.token, root: scope.folder() };
    const client = startClient(scope);
    if (carriage === 'raw' && (await client('carriage', { server })) !== 'raw') return undefined;
    for (let time = 0; time < TIMES; time++) await client('headgateThroughput', { server, command: COMMAND, carriage });
    const gone = once(child, 'exit');
    child.kill('SIGTERM');
    await within(STOP_MS, 'the end of the profiled server', gone);
    return summariseProfile(JSON.parse(readFileSync(join(folder, mainThreads(readdirSync(folder))), 'utf8')));
  } finally {
    await scope.close();
  }
}

/** Of the files, one a thread, that of thread 0: CPU.<date>.<time>.<pid>.<thread>.<n>.cpuprofile. */
function mainThreads(files) {
  const file = files.find((name) => name.split('.')[4] === '0');
  if (file === undefined) throw new Error('the profiled server wrote no profile');
  return file;
}
