import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type BuiltServer, endCommands, serve, WireClient } from '../support/built-server.ts';
import { serviceAvailable } from '../support/require.ts';
import { type SmallDisk, smallDisk } from '../support/small-disk.ts';
import { tempFolder } from '../support/temp-store.ts';

const OFFER = { name: 'n1', labels: [], backends: ['process'], capacity: 5, instance: 'folder-one' };

describe.skipIf(!serviceAvailable('mount'))('{#disk_full} {#runner_lease} runners of a server whose disk is full', () => {
  let disk: SmallDisk;
  let root: string;
  let remove: () => Promise<void>;
  let server: BuiltServer;
  let client: WireClient;
  let runner: WireClient;

  beforeEach(async () => {
    ({ folder: root, remove } = await tempFolder());
    disk = smallDisk(32 * 1024 * 1024);
    server = await serve(disk.folder, ['--runner-lease', '2']);
    client = await WireClient.connect(server, root);
    runner = await WireClient.connect(server);
    await runner.call('runner/register', OFFER);
  });

  afterEach(async () => {
    disk.clear();
    await endCommands(server, root);
    await Promise.all([client, runner].map((one) => one.close()));
    await server.stop();
    disk.remove();
    await remove();
  });

  /** Takes all space, until not even a sign of life can be stored. */
  async function fillUp(): Promise<void> {
    for (let refused = false; !refused; ) {
      disk.fill(0);
      await runner.call('runner/heartbeat').catch(() => {
        refused = true;
      });
      refused ||= server.log().includes('could not be stored');
    }
    disk.fill(0);
  }

  const states = async () => (await client.call<{ state: string }[]>('runner/list')).map(({ state }) => state);

  it('may disconnect then: the server lives on and shows them as away', async () => {
    await fillUp();
    runner.socket.terminate();
    await expect.poll(states).toEqual(['away']);
    disk.clear();
    const again = await WireClient.connect(server);
    await expect.poll(() => again.call('runner/register', OFFER).catch(() => undefined), { timeout: 10_000 }).toMatchObject({ epoch: 2 });
    expect(await states()).toEqual(['ready']);
    await again.close();
  });

  it('and that stay away for longer than their lease lose what they have once there is space again', async () => {
    const { run } = await client.call<{ run: string }>('startRun', { model: 'scripted' });
    const { path } = await client.call<{ path: string }>('sh', { run, command: 'anything', runner: 'n1' });
    await client.call('run/resolve', { run, resolution: { path, action: 'accept' } });
    await fillUp();
    runner.socket.terminate();
    const producers = () => client.call<{ state: string; channels: { status: number }[] }[]>('stream/list', { run });
    const waiting = [{ state: 'queued', channels: [{ status: 102 }, { status: 102 }] }];
    const lost = [{ state: 'lost', channels: [{ status: 500 }, { status: 500 }] }];
    const seen: { state: string }[][] = [];
    // SQLite may have room in its log for the loss, on a full disk too. If it has none, the server says so and stores the loss later.
    const settled = async () => {
      disk.fill(0);
      const said = server.log().includes('has lost could not be stored');
      const now = await producers();
      seen.push(now);
      return said || now[0]?.state === 'lost';
    };
    await expect.poll(settled, { timeout: 10_000 }).toBe(true);
    for (const view of seen) expect(view).toMatchObject(view[0]?.state === 'lost' ? lost : waiting);
    disk.clear();
    await expect.poll(producers, { timeout: 10_000 }).toMatchObject(lost);
  });
});
