// Loaded into a server with NODE_OPTIONS=--import: at SIGUSR2 it collects its garbage and prints what it holds, in bytes.
import { writeSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { isMainThread } from 'node:worker_threads';

// Commands inherit the environment of the server, and may be Node programs.
delete process.env.NODE_OPTIONS;

if (isMainThread) {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc');
  process.on('SIGUSR2', () => {
    gc();
    const { rss, heapUsed, external } = process.memoryUsage();
    writeSync(1, `${JSON.stringify({ rss, held: heapUsed + external })}\n`);
  });
}
