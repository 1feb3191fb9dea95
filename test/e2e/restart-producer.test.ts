import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { copierState } from '../contract/backend-probe.ts';
import { processesWith, readAll, type WireClient } from '../support/built-server.ts';
import { ended, faulty, liveServer, type Place, receiptOf, stored } from '../support/live-server.ts';

const live = liveServer();

const stateOf = async (client: WireClient, { run, path }: Place) =>
  (await client.call<{ path: string; state: string }[]>('stream/list', { run })).find((each) => each.path === path)?.state;
/** `count`, told once for each run of the command, and what it waits for. */
const once = (name: string, more: string) => `echo ran >> ${name}-runs; ${more}`;
const until = (name: string) => `while [ ! -e ${name} ]; do sleep 0.02; done`;
const go = (name: string) => writeFile(join(live.root, name), '');
const output = async (client: WireClient, place: Place) => (await readAll(client, place.run, place.path, 1)).toString();

describe('{#restart} the server killed with -9 while a producer', () => {
  it('is proposed: it is listed still, is accepted once, and runs once', async () => {
    const client = await live.client();
    const place = await live.proposed(client, once('proposed', 'echo out'));
    await live.crashAndStart();
    const next = await live.client();
    expect(await next.call('getProposals', { run: place.run })).toMatchObject([{ path: place.path, status: 202 }]);
    expect(await live.text('proposed-runs')).toBe('');
    await next.call('run/resolve', { run: place.run, resolution: { path: place.path, action: 'accept' } });
    expect(await ended(next, place)).toMatchObject({ status: 200 });
    expect(await live.text('proposed-runs')).toBe('ran\n');
  });

  it.each([
    ['is accepted and not started', 'before-spawn'],
    ['is started and nobody has noted it', 'after-spawn'],
  ])('%s: it runs, once', async (_, fault) => {
    await live.crashAndStart(faulty(fault));
    const client = await live.client();
    const place = await live.proposed(client, once(fault, 'echo out; exit 4'));
    void client.call('run/resolve', { run: place.run, resolution: { path: place.path, action: 'accept' } }).catch(() => {});
    await live.died();
    await live.start();
    const next = await live.client();
    expect(await ended(next, place)).toMatchObject({ status: 500, outcome: 'exit:4' });
    expect(await output(next, place)).toBe('out\n');
    expect(await live.text(`${fault}-runs`)).toBe('ran\n');
    await expect(next.call('run/resolve', { run: place.run, resolution: { path: place.path, action: 'accept' } })).rejects.toMatchObject({
      data: { name: 'proposal_resolved' },
    });
  });

  it('is started by the launcher, with many others: the launcher ends, and each runs once {#launcher}', async () => {
    const launchers = async () => (await processesWith(`${live.data}/producers`)).filter((line) => /\/launcher-[0-9a-f]+\.sh /.test(line));
    await live.crashAndStart();
    const client = await live.client();
    await live.accepted(client, 'true');
    await vi.waitUntil(async () => (await launchers()).length === 1, { timeout: 10_000 });
    const places = await Promise.all(
      Array.from({ length: 40 }, (_, i) => live.proposed(client, `echo ${i} >> many-runs; ${until('many-go')}`)),
    );
    for (const { run, path } of places) void client.call('run/resolve', { run, resolution: { path, action: 'accept' } }).catch(() => {});
    await live.written('many-runs');
    await live.server.crash();
    await vi.waitUntil(async () => (await launchers()).length === 0, { timeout: 10_000 });
    await live.start();
    const next = await live.client();
    for (const { run, path } of places) await next.call('run/resolve', { run, resolution: { path, action: 'accept' } }).catch(() => {});
    await go('many-go');
    for (const place of places) expect(await ended(next, place)).toMatchObject({ status: 200 });
    const ran = (await live.text('many-runs')).trim().split('\n').map(Number);
    expect(ran.toSorted((one, other) => one - other)).toEqual(places.map((_, i) => i));
  }, 90_000);

  it('is started and has written nothing: it is followed to its end', async () => {
    const client = await live.client();
    const place = await live.accepted(client, once('silent', `${until('silent-go')}; echo out; exit 5`));
    await live.written('silent-runs');
    await live.crashAndStart();
    await go('silent-go');
    const next = await live.client();
    expect(await ended(next, place)).toMatchObject({ status: 500, outcome: 'exit:5' });
    expect(await output(next, place)).toBe('out\n');
    expect(await live.text('silent-runs')).toBe('ran\n');
  });

  it('is in the middle of its output: every byte is there once, in order', async () => {
    const client = await live.client();
    const place = await live.accepted(client, once('middle', `seq 1 300000; ${until('middle-go')}; seq 300001 600000; exit 6`));
    await stored(client, place, 1);
    for (let i = 0; i < 3; i++) await live.crashAndStart();
    await go('middle-go');
    const next = await live.client();
    expect(await ended(next, place)).toMatchObject({ status: 500, outcome: 'exit:6' });
    expect((await output(next, place)) === Array.from({ length: 600_000 }, (_, i) => `${i + 1}\n`).join('')).toBe(true);
    expect(await live.text('middle-runs')).toBe('ran\n');
  }, 90_000);

  it('is stopped by the brake: the next server lets it go on', async () => {
    await live.crashAndStart(faulty('on SIGSTOP'));
    const client = await live.client();
    // Far faster than anything is stored, for as long as it takes until it is stopped.
    const place = await live.accepted(client, once('braked', `yes 0123456789abcde | head -c 400000000; echo; echo end; exit 7`));
    await live.died();
    expect(live.folders().map(copierState)).toContain('T');
    await live.start();
    const next = await live.client();
    expect(await ended(next, place)).toMatchObject({ status: 500, outcome: 'exit:7' });
    expect(await next.call('stream/read', { ...place, channel: 1, from: 399_999_984 })).toMatchObject({
      bytes: 400_000_005,
      chunk: '0123456789abcde\n\nend\n',
    });
    expect(await live.text('braked-runs')).toBe('ran\n');
  }, 90_000);

  it('has exited and nobody has noted it: exit code and output are found', async () => {
    const client = await live.client();
    const place = await live.accepted(client, once('exited', `echo first; ${until('exited-go')}; seq 1 100000; exit 8`));
    await stored(client, place, 6);
    const folders = live.folders();
    await live.server.crash();
    await go('exited-go');
    await vi.waitUntil(() => folders.some((folder) => existsSync(join(folder, 'exit'))), { timeout: 10_000 });
    await live.start();
    const next = await live.client();
    expect(await ended(next, place)).toMatchObject({ status: 500, outcome: 'exit:8' });
    expect((await output(next, place)) === `first\n${Array.from({ length: 100_000 }, (_, i) => `${i + 1}\n`).join('')}`).toBe(true);
    expect(await live.text('exited-runs')).toBe('ran\n');
  });

  it('is being cancelled: the kill is carried through in the name of who asked', async () => {
    await live.crashAndStart(faulty('on SIGTERM'));
    const client = await live.client('who asked');
    const place = await live.accepted(client, once('cancelling', `trap '' TERM; echo up; while :; do sleep 1; done`));
    await stored(client, place, 3);
    await client.call('stream/cancel', { ...place, reason: 'because' });
    await live.died();
    expect(await processesWith(`${live.data}/producers`)).not.toEqual([]);
    await live.start();
    const next = await live.client('somebody else');
    expect(await receiptOf(next, place)).toMatchObject({ requestedBy: 'who asked', reason: 'because', escaped: [] });
    expect(await stateOf(next, place)).toBe('cancelled');
    expect(await ended(next, place)).toMatchObject({ status: 499, outcome: 'cancelled' });
    expect(await processesWith(`${live.data}/producers`)).toEqual([]);
    expect(await live.text('cancelling-runs')).toBe('ran\n');
  });

  it('is run by a client: the client streams on where the store ends', async () => {
    const client = await live.client();
    const place = await live.accepted(client, 'by hand', { runner: 'client' });
    await client.call('stream', { ...place, channel: 1, chunk: 'before\n', offset: 0 });
    await live.crashAndStart();
    const next = await live.client();
    expect(await stateOf(next, place)).toBe('running');
    expect(await next.call('stream', { ...place, channel: 1, chunk: 'before\n', offset: 0 })).toMatchObject({ bytes: 7 });
    expect(await next.call('stream', { ...place, channel: 1, chunk: 'after\n', offset: 7 })).toMatchObject({ bytes: 13 });
    await next.call('stream/completed', { ...place, exit_code: 9 });
    expect(await ended(next, place)).toMatchObject({ status: 500, outcome: 'exit:9' });
    expect(await output(next, place)).toBe('before\nafter\n');
  });
});
