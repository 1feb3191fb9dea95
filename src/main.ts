#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import type { EndedCommand } from './cli/host.ts';
import { closeInheritedFiles } from './core/inherited-files.ts';
import { serviceManager } from './core/service-manager.ts';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string };
const { runCli } = await import('./cli/program.ts');

/** The build puts the portal beside the command. */
const PORTAL = fileURLToPath(new URL('../web/', import.meta.url));

/** How long a connection to something that does not respond may keep this process alive, once all is closed (milliseconds). */
const LINGER_MS = 1000;

function endSoon(): void {
  setTimeout(() => process.exit(), LINGER_MS).unref();
}

const words = process.argv.slice(2);
process.exitCode = await runCli(words, {
  // The server's modules are loaded only by the command that serves: the others start in a third of the time.
  serve: async (options) => {
    closeInheritedFiles(words);
    const manager = serviceManager(process.env, (why) => process.stderr.write(`headgate: systemd could not be told: ${why}\n`));
    const server = await (await import('./compose/server.ts')).serveHeadgate({ ...options, version, portal: PORTAL });
    // The configuration has been read, if it was one of them.
    closeInheritedFiles();
    await manager?.ready();
    const close = async () => {
      await manager?.stopping();
      await server.close();
    };
    return { ...server, close: () => close().finally(endSoon) };
  },
  examine: async (options) => (await import('./compose/data-doctor.ts')).examineData(options),
  backup: async (options) => (await import('./compose/backup.ts')).backUp({ ...options, version }),
  restore: async (options) => (await import('./compose/restore.ts')).restore(options),
  checkConfig: async (file) => (await import('./compose/check-config.ts')).checkConfig(file),
  examineBackends: async () => (await import('./compose/backend-doctor.ts')).examineBackends(),
  stop: async (options) => (await import('./compose/stop-server.ts')).stopServer(options),
  outlived: async (options) => (await import('./compose/outlived.ts')).outlived(options),
  endOutlived: async ({ data }) =>
    (await import('./compose/server.ts')).endOutlived({ data, version, logLevel: 'error' }) as Promise<EndedCommand[]>,
  runner: async (options) => {
    // What its options name has been read.
    closeInheritedFiles();
    return await (await import('./compose/runner-process.ts')).runHeadgateRunner(options).finally(endSoon);
  },
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  version,
  command: fileURLToPath(import.meta.url),
});
// The shell waits for the end of the process, which a connection attempt without a response would delay.
if (words[0] === 'complete') process.exit();
