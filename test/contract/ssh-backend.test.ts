import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe } from 'vitest';
import { SshBackend, SshHosts } from '../../src/backends/ssh/ssh-backend.ts';
import { systemClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { serviceAvailable } from '../support/require.ts';
import { Sshd } from '../support/services/sshd.ts';
import { type BackendSetup, backendContract } from './backend.contract.ts';

describe.skipIf(!serviceAvailable('sshd'))('{#backend_ssh} over a real sshd', () => {
  let sshd: Sshd;

  beforeAll(async () => {
    sshd = await Sshd.start();
  });

  afterAll(async () => {
    await sshd.stop();
  });

  backendContract('ssh', async (): Promise<BackendSetup> => {
    const root = realpathSync(mkdtempSync(join(tmpdir(), 'headgate-ssh-')));
    const cwd = join(root, 'work');
    mkdirSync(cwd);
    const hosts = new SshHosts();
    const open = () =>
      new SshBackend(
        { root: join(root, 'state'), runner: () => 'test-runner', clock: systemClock, logger: silentLogger, detachedGraceMs: 500 },
        hosts,
      );
    return {
      cwd,
      spec: { ssh: sshd.place() },
      backend: open(),
      reopen: open,
      dispose: async () => {
        hosts.closeUnused();
        rmSync(root, { recursive: true, force: true });
      },
    };
  });
});
