import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe } from 'vitest';
import type { ShellHost } from '../../src/backends/remote/shell-host.ts';
import { SshHosts } from '../../src/backends/ssh/ssh-backend.ts';
import { createTmuxBackend, RemoteTmux } from '../../src/backends/tmux/index.ts';
import { systemClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/logger.ts';
import type { SshPlace } from '../../src/model/place.ts';
import type { Backend } from '../../src/model/ports/backend.ts';
import { LocalHost } from '../support/local-host.ts';
import { serviceAvailable } from '../support/require.ts';
import { Sshd } from '../support/services/sshd.ts';
import { type BackendSetup, backendContract } from './backend.contract.ts';

/** tmux on a host that is reached as `ssh`, with its files below `root`. */
function setUp(root: string, ssh: SshPlace, hostOf: (place: SshPlace) => ShellHost, close: () => Promise<void>): BackendSetup {
  const cwd = join(root, 'work');
  const socket = join(root, 'tmux.sock');
  mkdirSync(cwd);
  const shared = { clock: systemClock, logger: silentLogger, detachedGraceMs: 500 };
  const open = (): Backend => {
    const remote = new RemoteTmux({ ...shared, root: join(root, 'state'), runner: () => 'test-runner', hostOf });
    return createTmuxBackend({ ...shared, folder: join(root, 'spool') }, undefined, remote);
  };
  return {
    cwd,
    backend: open(),
    reopen: open,
    spec: { ssh, tmux: { socket }, tty: { term: 'screen', cols: 80, rows: 24 } },
    merged: true,
    prepare: (command) => `stty -opost -echo < /dev/tty; ${command}`,
    dispose: async () => {
      spawnSync('tmux', ['-S', socket, 'kill-server']);
      await close();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

const folder = () => realpathSync(mkdtempSync(join(tmpdir(), 'headgate-far-tmux-')));

describe.skipIf(!serviceAvailable('tmux'))('{#backend_tmux} on a shell host', () => {
  backendContract(
    'tmux',
    async () => {
      const host = new LocalHost({ shell: ['dash'] });
      return setUp(
        folder(),
        { host: 'here' },
        () => host,
        () => host.close(),
      );
    },
    { terminal: true },
  );
});

describe.skipIf(!serviceAvailable('tmux') || !serviceAvailable('sshd'))('{#backend_tmux} over a real sshd', () => {
  let sshd: Sshd;

  beforeAll(async () => {
    sshd = await Sshd.start();
  });

  afterAll(async () => {
    await sshd.stop();
  });

  backendContract(
    'tmux',
    async () => {
      const hosts = new SshHosts();
      return setUp(
        folder(),
        sshd.place(),
        (place) => hosts.host(place),
        async () => hosts.closeUnused(),
      );
    },
    { terminal: true },
  );
});
