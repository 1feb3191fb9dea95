import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe } from 'vitest';
import { createProcessBackend, createPtyBackend } from '../../src/backends/process/index.ts';
import { systemClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { terminal } from '../../src/model/place.ts';
import type { Backend } from '../../src/model/ports/backend.ts';
import { serviceAvailable } from '../support/require.ts';
import { type BackendSetup, backendContract } from './backend.contract.ts';
import { eventually } from './backend-probe.ts';

/** Takes the terminal's own doings out, and says when that is done: what is typed before would still be echoed. */
const PLAIN = 'stty -F /dev/tty -echo -onlcr; : > "$HEADGATE_SPOOL/$HEADGATE_PRODUCER/plain"; ';

function open(root: string): Backend {
  const spool = join(root, 'spool');
  const processes = createProcessBackend({ folder: spool, clock: systemClock, logger: silentLogger, detachedGraceMs: 500 });
  const pty = createPtyBackend(processes);
  return {
    capabilities: () => pty.capabilities(),
    adopt: (...args) => pty.adopt(...args),
    start: async (request, sink) => {
      const handle = await pty.start(request, sink);
      const { command } = request.spec;
      let ended = false;
      void handle.exited.then(() => {
        ended = true;
      });
      await eventually(
        () => ended || !command.startsWith(PLAIN) || existsSync(join(spool, request.producerId, 'plain')),
        'a plain terminal',
      );
      return handle;
    },
  };
}

async function setUp(): Promise<BackendSetup> {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'headgate-pty-')));
  const cwd = join(root, 'work');
  mkdirSync(cwd);
  return {
    cwd,
    backend: open(root),
    reopen: () => open(root),
    spec: { tty: terminal.parse({}) },
    merged: true,
    prepare: (command) => `${PLAIN}${command}`,
    dispose: async () => rmSync(root, { recursive: true, force: true }),
  };
}

describe.skipIf(!serviceAvailable('script'))('{#backend_pty}', () => backendContract('pty', setUp, { terminal: true }));
