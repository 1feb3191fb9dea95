import { existsSync, mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { LeftBehind } from '../../src/backends/remote/left-behind.ts';
import { SshBackend, SshHosts } from '../../src/backends/ssh/ssh-backend.ts';
import { systemClock } from '../../src/core/clock.ts';
import { isMissing } from '../../src/core/errors.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { producerIdOf } from '../../src/model/producer-id.ts';
import { serviceAvailable } from '../support/require.ts';
import { Sshd } from '../support/services/sshd.ts';
import { KILL } from './backend-kill.contract.ts';
import { eventually, StoringSink } from './backend-probe.ts';

describe.skipIf(!serviceAvailable('sshd'))('{#spool_sweep} folders on another host', () => {
  let sshd: Sshd;
  let folder: string;
  let hosts: SshHosts;
  let count = 0;

  const shared = { runner: () => 'test-runner', clock: systemClock, logger: silentLogger };
  const records = () => (existsSync(join(folder, 'hosts')) ? readdirSync(join(folder, 'hosts')) : []);
  const there = () => {
    try {
      return readdirSync(join(sshd.state, 'headgate/test-runner'));
    } catch (error) {
      // The last folder in it may be removed, and it with that, at any time.
      if (isMissing(error)) return [];
      throw error;
    }
  };
  const leftBehind = (retryMs = 50) =>
    new LeftBehind({ ...shared, folder: join(folder, 'hosts'), hostOf: (place) => hosts.host(place), retryMs });

  beforeAll(async () => {
    sshd = await Sshd.start();
  });

  afterAll(async () => {
    await sshd.stop();
  });

  beforeEach(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'headgate-left-')));
    hosts = new SshHosts({ connectMs: 5000, keepAliveMs: 150 });
  });

  afterEach(() => {
    hosts.closeUnused();
    rmSync(folder, { recursive: true, force: true });
    expect(there()).toEqual([]);
  });

  async function start(command: string) {
    const sink = new StoringSink();
    const producerId = producerIdOf({ entryId: ++count, createdAt: 1 });
    const backend = new SshBackend({ ...shared, leftBehind: leftBehind() }, hosts);
    const handle = await backend.start({ producerId, spec: { command, cwd: '', env: {}, stdin: false, ssh: sshd.place() } }, sink);
    return { handle, sink, producerId };
  }

  test('is removed at the end of its producer, and nothing is remembered of it', async () => {
    const { handle, producerId } = await start('echo hello');
    expect(records()).toEqual([producerId]);
    await handle.closed;
    await handle.dispose();
    expect([there(), records()]).toEqual([[], []]);
  });

  test('is removed once its host is back, when that was away at the end of the producer, and nobody has to wait for it', async () => {
    const { handle, producerId } = await start('echo hello');
    await handle.closed;
    await sshd.kill();
    await handle.dispose();
    expect([there(), records()]).toEqual([[producerId], [producerId]]);
    await sshd.up();
    await eventually(() => there().length === 0 && records().length === 0, 'it is removed');
  });

  test('is removed by the next server, when that before it was killed in between; those of live producers and of others stay', async () => {
    const over = await start('echo hello');
    const live = await start('echo up; sleep 300');
    const orphan = await start('echo up; sleep 300');
    await over.handle.closed;
    await Promise.all([over, live, orphan].map(({ sink }) => sink.match(1, /\n/)));
    for (const { handle } of [over, live, orphan]) await handle.detach();
    await leftBehind().sweep(new Set([live.producerId]));
    // The one that nobody knows still runs: it stays until it does not.
    expect(there().sort()).toEqual([live.producerId, orphan.producerId].sort());
    await leftBehind().sweep(undefined);
    expect(there().sort()).toEqual([live.producerId, orphan.producerId].sort());
    await orphan.handle.kill(KILL);
    await eventually(() => there().length === 1, 'the orphan is removed after its end');
    await eventually(() => records().length === 1, 'its record is removed');
    expect(records()).toEqual([live.producerId]);
    await live.handle.kill(KILL);
    await live.handle.dispose();
  });

  test('is not remembered where a start was refused', async () => {
    const backend = new SshBackend({ ...shared, leftBehind: leftBehind() }, hosts);
    const request = {
      producerId: producerIdOf({ entryId: ++count, createdAt: 1 }),
      spec: { command: 'true', cwd: '/no/such/folder', env: {}, stdin: false, ssh: sshd.place() },
    };
    await expect(backend.start(request, new StoringSink())).rejects.toMatchObject({ facts: { outcome: 'cwd_missing' } });
    expect(records()).toEqual([]);
  });
});
