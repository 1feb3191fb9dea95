#!/usr/bin/env node
import { readFileSync } from 'node:fs';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string };
const { runCli } = await import('./cli/program.ts');

process.exitCode = await runCli(process.argv.slice(2), {
  // The server's modules are loaded only by the command that serves: the others start in a third of the time.
  serve: async (options) => (await import('./server.ts')).serveHeadgate({ ...options, version }),
  examine: async (options) => (await import('./data-doctor.ts')).examineData(options),
  examineBackends: async () => (await import('./backend-doctor.ts')).examineBackends(),
  runner: async (options) => (await import('./runner-process.ts')).runHeadgateRunner(options),
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  version,
});
