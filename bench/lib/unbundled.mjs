// The server from its modules as they were compiled, not from the bundle: a profile of it names the files of src. SIGUSR2 starts
// V8's sampling profiler on its main thread; the next one writes the profile into the data folder. Either is followed by a line.
import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { join } from 'node:path';
import { serveHeadgate } from '../../dist/src/compose/server.js';

const SAMPLE_US = 200;
const data = process.argv[process.argv.indexOf('--data') + 1];
const server = await serveHeadgate({ data, port: 0, logLevel: 'warn', version: 'profiled' });
const session = new Session();
session.connect();
await session.post('Profiler.enable');
await session.post('Profiler.setSamplingInterval', { interval: SAMPLE_US });

let isProfiling = false;
process.on('SIGUSR2', async () => {
  isProfiling = !isProfiling;
  if (isProfiling) await session.post('Profiler.start');
  else writeFileSync(join(data, 'profile.cpuprofile'), JSON.stringify((await session.post('Profiler.stop')).profile));
  process.stdout.write(isProfiling ? 'profiling\n' : 'profiled\n');
});
process.once('SIGTERM', () => void server.close());
const { url, http, socket, token, pid } = server;
process.stdout.write(`${JSON.stringify({ ready: true, url, http, socket, token, pid })}\n`);
