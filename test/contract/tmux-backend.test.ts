import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe } from 'vitest';
import { createTmuxBackend } from '../../src/backends/tmux/index.ts';
import { systemClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/logger.ts';
import type { Backend } from '../../src/model/ports/backend.ts';
import { serviceAvailable } from '../support/require.ts';
import { type BackendSetup, backendContract } from './backend.contract.ts';

function open(root: string): Backend {
  return createTmuxBackend({ folder: join(root, 'spool'), clock: systemClock, logger: silentLogger, detachedGraceMs: 500 });
}

async function place(): Promise<BackendSetup & { root: string; socket: string }> {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'headgate-tmux-')));
  const cwd = join(root, 'work');
  const socket = join(root, 'tmux.sock');
  mkdirSync(cwd);
  return {
    root,
    cwd,
    socket,
    backend: open(root),
    reopen: () => open(root),
    spec: { tmux: { socket }, tty: { term: 'screen', cols: 80, rows: 24 } },
    merged: true,
    prepare: (command) => `stty -opost -echo < /dev/tty; ${command}`,
    dispose: async () => {
      spawnSync('tmux', ['-S', socket, 'kill-server']);
      rmSync(root, { recursive: true, force: true });
    },
  };
}

describe.skipIf(!serviceAvailable('tmux'))('tmux', () => {
  backendContract('tmux', place, { terminal: true });
});
