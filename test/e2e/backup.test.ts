import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type BuiltServer, endCommands, readAll, serve, WireClient } from '../support/built-server.ts';
import { cli, startCli } from '../support/cli.ts';
import { ended, liveServer, type Place, stored } from '../support/live-server.ts';
import { serviceAvailable } from '../support/require.ts';
import { type SmallDisk, smallDisk } from '../support/small-disk.ts';

const live = liveServer();
const opened: BuiltServer[] = [];
const disks: SmallDisk[] = [];
let count = 0;

const temp = (name: string) => join(dirname(live.data), `${name}-${++count}`);
const headgate = (...words: string[]) => cli(words, { cwd: live.root });
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
const listing = (folder: string) => readdirSync(folder, { recursive: true }).sort();

async function backedUp(): Promise<string> {
  const file = `${temp('backup')}.tar`;
  expect(await headgate('backup', file, '--data', live.data)).toMatchObject({ code: 0, err: '' });
  return file;
}

/** A server on a restored folder, and a client of it. */
async function open(data: string): Promise<{ server: BuiltServer; client: WireClient }> {
  const server = await serve(data);
  opened.push(server);
  const client = await WireClient.connect(server, live.root, 'test');
  live.clients.push(client);
  return { server, client };
}

afterEach(async () => {
  for (const server of opened.splice(0)) {
    await endCommands(server, live.root);
    await server.stop();
  }
  for (const disk of disks.splice(0)) disk.remove();
});

/** Numbered lines, as fast as it can, until the file is there. */
const numbers = (name: string) => `i=0; while [ ! -e ${name} ]; do i=$((i+1)); echo "line $i of ${name}"; echo "err $i" >&2; done`;

describe('{#backup} {#restore} a backup', () => {
  it('made under load holds every channel up to one moment; the restored folder is sound and a copy', async () => {
    const client = await live.client();
    const over = await live.accepted(client, 'seq 100000; exit 3');
    await ended(client, over);
    const busy: Place[] = [];
    for (let i = 0; i < 4; i++) busy.push(await live.accepted(client, numbers('stop')));
    for (const place of busy) await stored(client, place, 10_000);
    const waits = await live.proposed(client, 'echo accepted after the restore');
    // Short ones come and go while it is made.
    let going = true;
    const short: Place[] = [];
    const coming = (async () => {
      while (going) short.push(await live.accepted(client, 'seq 500'));
    })();
    const file = await backedUp();
    const second = await backedUp();
    going = false;
    await coming;
    expect(statSync(file).mode & 0o777).toBe(0o600);

    const sums = spawnSync('sh', ['-c', `mkdir tarred-${count} && cd tarred-${count} && tar -xf "$0" && sha256sum -c SHA256SUMS`, second], {
      cwd: live.root,
      encoding: 'utf8',
    });
    expect(sums).toMatchObject({ status: 0, stdout: expect.stringContaining('headgate.db: OK') });

    const data = temp('restored');
    expect(await headgate('restore', file, data)).toMatchObject({ code: 0, err: '', out: expect.stringContaining(data) });
    const seen = await headgate('doctor', '--json', '--data', data);
    expect(JSON.parse(seen.out)).toMatchObject({ ok: true });
    const checks = (JSON.parse(seen.out) as { checks: { name: string; state: string; detail: string }[] }).checks;
    expect(checks.filter(({ name }) => ['permissions', 'database', 'copy'].includes(name)).map(({ name, state }) => [name, state])).toEqual(
      [
        ['permissions', 'ok'],
        ['database', 'ok'],
        ['copy', 'note'],
      ],
    );

    const copy = await open(data);
    expect(copy.server.token).toBe(live.server.token);
    expect(copy.server.log()).toContain('is a copy of');
    writeFileSync(join(live.root, 'stop'), '');
    const places = [over, ...busy, ...short];
    for (const place of places) await ended(client, place);
    let compared = 0;
    for (const place of places) {
      for (const channel of [1, 2]) {
        const original = await readAll(client, place.run, place.path, channel);
        const kept = await readAll(copy.client, place.run, place.path, channel).catch(() => undefined);
        // A command that was begun after the moment of the backup.
        if (kept === undefined && short.includes(place)) continue;
        expect(sha256(kept!), `${place.path} ${channel}`).toBe(sha256(original.subarray(0, kept!.length)));
        if (kept!.length > 0) compared++;
      }
    }
    expect(compared).toBeGreaterThanOrEqual(9);
    expect(sha256(await readAll(copy.client, over.run, over.path, 1))).toBe(sha256(await readAll(client, over.run, over.path, 1)));
    for (const place of busy) {
      expect((await readAll(copy.client, place.run, place.path, 1)).length).toBeGreaterThanOrEqual(10_000);
      expect(await copy.client.call('get', { ...place })).toMatchObject({ status: 500, outcome: 'lost' });
    }
    // The lines of it are those that the program printed, which nobody of ours has counted.
    const text = (await readAll(copy.client, busy[0]!.run, busy[0]!.path, 1)).toString();
    const whole = text.slice(0, text.lastIndexOf('\n')).split('\n');
    expect(whole.every((line, index) => line === `line ${index + 1} of stop`)).toBe(true);

    // It goes on as a folder of its own.
    await copy.client.call('run/resolve', { run: waits.run, resolution: { path: waits.path, action: 'accept' } });
    expect(await ended(copy.client, waits)).toMatchObject({ status: 200 });
    await copy.server.stop();
    const later = await headgate('doctor', '--json', '--data', data);
    expect(JSON.parse(later.out)).toMatchObject({ ok: true });
    expect((await headgate('doctor', '--data', live.data)).out).toMatch(/ok +backup +the last one, .*backup-\d+\.tar, was made/);
  }, 120_000);

  it('{#channel_files} holds the files of long channels, and outlives their run', async () => {
    const client = await live.client();
    const names = () => readdirSync(join(live.data, 'channels'));
    const others = names().length;
    const place = await live.accepted(client, 'seq 2000000');
    await ended(client, place);
    expect(names()).toHaveLength(others + 1);
    const file = await backedUp();
    expect(readdirSync(live.data).filter((name) => name.startsWith('.backup'))).toEqual([]);
    const original = await readAll(client, place.run, place.path, 1);
    await client.call('run/delete', { run: place.run });
    await vi.waitUntil(() => names().length === others, { timeout: 10_000 });
    const data = temp('restored');
    expect(await headgate('restore', file, data)).toMatchObject({ code: 0, err: '' });
    const copy = await open(data);
    expect(sha256(await readAll(copy.client, place.run, place.path, 1))).toBe(sha256(original));
    expect(readdirSync(join(data, 'channels'))).toHaveLength(others + 1);
  });

  it('of a folder without a server is the same, and restored in the place of the original a copy too', async () => {
    const client = await live.client();
    const place = await live.accepted(client, 'echo kept; while [ ! -e end ]; do sleep 0.02; done');
    await stored(client, place, 5);
    await live.server.crash();
    const file = await backedUp();
    const aside = `${live.data}-aside`;
    expect(spawnSync('mv', [live.data, aside]).status).toBe(0);
    try {
      expect(await headgate('restore', file, live.data)).toMatchObject({ code: 0 });
      const copy = await open(live.data);
      expect(copy.server.log()).toContain('is a copy of');
      expect(await copy.client.call('get', { ...place })).toMatchObject({ status: 500, outcome: 'lost' });
      expect((await readAll(copy.client, place.run, place.path, 1)).toString()).toBe('kept\n');
      await copy.server.stop();
    } finally {
      await Promise.all(opened.splice(0).map((server) => server.stop()));
      expect(spawnSync('sh', ['-c', 'rm -r "$0" && mv "$1" "$0"', live.data, aside]).status).toBe(0);
      await live.start();
    }
    writeFileSync(join(live.root, 'end'), '');
    expect(await ended(await live.client(), place)).toMatchObject({ status: 200 });
  });

  it('refuses what it would overwrite, and what is no backup, and leaves nothing behind', async () => {
    const file = await backedUp();
    const before = readFileSync(file);
    expect(await headgate('backup', file, '--data', live.data)).toMatchObject({ code: 1, err: expect.stringContaining('exists') });
    expect(readFileSync(file).equals(before)).toBe(true);
    expect(await headgate('backup', `${file}.2`, '--data', live.root)).toMatchObject({
      code: 1,
      err: expect.stringContaining('no data in'),
    });
    expect(await headgate('backup', join(live.root, 'no/such/folder.tar'), '--data', live.data)).toMatchObject({
      code: 1,
      err: expect.stringContaining('ENOENT'),
    });

    const full = temp('full');
    mkdirSync(full);
    writeFileSync(join(full, 'mine'), 'x');
    expect(await headgate('restore', file, full)).toMatchObject({ code: 1, err: expect.stringContaining('is not empty') });
    expect(listing(full)).toEqual(['mine']);
    expect(await headgate('restore', file, live.data)).toMatchObject({ code: 1, err: expect.stringContaining('is not empty') });

    const spoilt = (name: string, spoil: (path: string) => void) => {
      const path = `${temp(name)}.tar`;
      copyFileSync(file, path);
      spoil(path);
      return path;
    };
    const at = (offset: number) => (path: string) => {
      const bytes = readFileSync(path);
      bytes[offset] = (bytes[offset] ?? 0) ^ 0xff;
      writeFileSync(path, bytes);
    };
    const size = statSync(file).size;
    const cases: [string, RegExp][] = [
      [spoilt('short', (path) => truncateSync(path, Math.floor(size / 2))), /is not whole/],
      [spoilt('endless', (path) => truncateSync(path, size - 2560)), /is not whole/],
      [spoilt('flipped', at(Math.floor(size / 2))), /not those that SHA256SUMS lists/],
      [spoilt('empty', (path) => truncateSync(path, 0)), /is not a backup of Headgate/],
      [spoilt('text', (path) => writeFileSync(path, 'x'.repeat(5000))), /is not a backup of Headgate/],
      [spoilt('tar', (path) => spawnSync('tar', ['-cf', path, '-C', live.root, '.'])), /is not a backup of Headgate/],
      [spoilt('database', (path) => copyFileSync(join(live.data, 'headgate.db'), path)), /is not a backup of Headgate/],
      [
        spoilt('newer', (path) =>
          writeFileSync(path, Buffer.from(readFileSync(path, 'latin1').replace('"format":1', '"format":9'), 'latin1')),
        ),
        /made by Headgate/,
      ],
    ];
    const empty = temp('empty');
    mkdirSync(empty);
    for (const [path, message] of cases) {
      const none = temp('none');
      expect(await headgate('restore', path, none)).toMatchObject({ code: 1, err: expect.stringMatching(message) });
      expect(existsSync(none)).toBe(false);
      expect((await headgate('restore', path, empty)).code).toBe(1);
      expect(listing(empty)).toEqual([]);
    }
    expect(await headgate('restore', join(live.root, 'missing'), empty)).toMatchObject({
      code: 1,
      err: expect.stringContaining('no file'),
    });
    expect((await headgate('restore', file, empty)).code).toBe(0);
    const names = readdirSync(dirname(file)).filter((name) => name.startsWith('.'));
    expect(names).toEqual([]);
  }, 60_000);

  it('interrupted with Ctrl-C leaves nothing behind', async () => {
    const client = await live.client();
    const large = await live.accepted(client, 'head -c 300000000 /dev/zero | tr "\\0" x');
    await ended(client, large);
    const file = `${temp('interrupted')}.tar`;
    const running = startCli(['backup', file, '--data', live.data], { cwd: live.root });
    await expect.poll(() => readdirSync(dirname(file)).some((name) => name.startsWith('.interrupted'))).toBe(true);
    running.process.kill('SIGINT');
    expect(await running.ended).toMatchObject({ code: 130, err: expect.stringContaining('nothing was written') });
    expect(readdirSync(dirname(file)).filter((name) => name.includes('interrupted'))).toEqual([]);
  }, 60_000);

  it.skipIf(!serviceAvailable('mount'))(
    'on a full disk says so, and leaves nothing behind',
    async () => {
      const file = await backedUp();
      const { size } = statSync(file);
      const disk = smallDisk(2 * size + 8 * 1024 * 1024);
      disks.push(disk);
      const space = disk.freeBytes();
      disk.fill(size);
      const refused = await headgate('backup', join(disk.folder, 'backup.tar'), '--data', live.data);
      expect(refused).toMatchObject({ code: 1, err: expect.stringMatching(/has .* free, and the backup needs/) });
      disk.fill(Math.floor(size / 2));
      const folder = join(disk.folder, 'restored');
      expect(await headgate('restore', file, folder)).toMatchObject({ code: 1, err: expect.stringContaining('the disk is full') });
      expect(listing(disk.folder)).toEqual(['ballast']);
      disk.clear();
      expect(disk.freeBytes()).toBeGreaterThan(space - 64 * 1024);
      expect((await headgate('restore', file, folder)).code).toBe(0);
      expect(await headgate('doctor', '--data', folder)).toMatchObject({ code: 0 });
    },
    60_000,
  );
});
