import { createHash } from 'node:crypto';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type BuiltServer, endCommands, readAll, serve, WireClient } from '../support/built-server.ts';
import { serviceAvailable } from '../support/require.ts';
import { type SmallDisk, smallDisk } from '../support/small-disk.ts';
import { tempFolder } from '../support/temp-store.ts';

const MIB = 1024 * 1024;

describe.skipIf(!serviceAvailable('mount'))('{#disk_full} a server on a disk that becomes full', () => {
  let disk: SmallDisk;
  let data: string;
  let elsewhere: string;
  let remove: () => Promise<void>;
  let server: BuiltServer;
  let client: WireClient;

  beforeEach(async () => {
    ({ folder: elsewhere, remove } = await tempFolder());
    disk = smallDisk(96 * MIB);
    data = join(disk.folder, 'data');
    mkdirSync(data, { mode: 0o700 });
  });

  afterEach(async () => {
    disk.clear();
    await endCommands(server, elsewhere);
    await client.close();
    await server.stop();
    disk.remove();
    await remove();
  });

  async function open(freeBytes: number): Promise<void> {
    const config = join(elsewhere, 'headgate.yaml');
    writeFileSync(config, `limits: { freeBytes: ${freeBytes} }\n`);
    server = await serve(data, ['--config', config]);
    client = await WireClient.connect(server, elsewhere);
  }

  async function begin(command: string): Promise<{ run: string; path: string }> {
    const { run } = await client.call<{ run: string }>('startRun', { model: 'scripted' });
    const { path } = await client.call<{ path: string }>('sh', { run, command });
    await client.call('run/resolve', { run, resolution: { path, action: 'accept' } });
    return { run, path };
  }

  const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => `${from + i}\n`).join('');
  const sha = (bytes: Buffer | string) => createHash('sha256').update(bytes).digest('hex');
  const notices = () => client.notices.filter(({ method }) => method === 'ui/notify').map(({ params }) => params['level']);

  it('stops the command, tells people once, refuses by name, and goes on by itself with every byte when there is space', async () => {
    // The spool is on another disk, so that it is the database alone that finds no space: log, file and checkpoints.
    mkdirSync(join(elsewhere, 'spool'));
    symlinkSync(join(elsewhere, 'spool'), join(data, 'producers'));
    await open(0);
    const watched = await client.call<{ run: string }>('startRun', { model: 'scripted' });
    disk.fill(12 * MIB);
    const { run, path } = await begin('seq 1 3000000; exit 7');
    const told = await client.notice('ui/notify', ({ level }) => level === 'warn');
    expect(told['text']).toMatch(/disk .* is full .* free some space/);
    disk.fill(0);
    await expect(client.call('sh', { run: watched.run, command: 'x'.repeat(100_000) })).rejects.toMatchObject({
      code: -32001,
      data: { name: 'overloaded', retry_after_ms: 1000 },
    });
    expect((await client.call<unknown[]>('stream/list', { state: 'live' })).length).toBe(1);
    disk.clear();
    const end = await client.notice('stream/ended');
    expect(end).toMatchObject({ exit_code: 7, path });
    await client.notice('ui/notify', ({ level }) => level === 'info');
    expect(notices()).toEqual(['warn', 'info']);
    expect(sha(await readAll(client, run, path, 1))).toBe(sha(numbers(1, 3_000_000)));
    expect(server.log()).toMatch(/full or failing; nothing can be stored/);
  });

  it('{#free_space} with everything on it: the command waits before it is full, and goes on with every byte', async () => {
    await open(30 * MIB);
    disk.fill(44 * MIB);
    const { run, path } = await begin(
      'i=0; while [ $i -lt 200 ]; do seq $((i*10000+1)) $((i*10000+10000)); i=$((i+1)); sleep 0.01; done; exit 7',
    );
    const told = await client.notice('ui/notify', ({ level }) => level === 'warn');
    expect(told['text']).toMatch(/nearly full .* free some space/);
    expect(disk.freeBytes()).toBeGreaterThan(0);
    disk.clear();
    expect(await client.notice('stream/ended')).toMatchObject({ exit_code: 7, path });
    expect(notices()).toEqual(['warn', 'info']);
    expect(sha(await readAll(client, run, path, 1))).toBe(sha(numbers(1, 2_000_000)));
  });
});
