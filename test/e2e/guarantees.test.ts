import { readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { readAll } from '../support/built-server.ts';
import { ended, liveServer, receiptOf, stored } from '../support/live-server.ts';

const live = liveServer();

function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}

describe('{#order} order', () => {
  it('is kept in each channel and among events, and the end comes after the last byte of both channels', async () => {
    const client = await live.client();
    const place = await live.proposed(client, 'i=0; while [ $i -lt 500 ]; do i=$((i+1)); echo "out $i"; echo "err $i" >&2; done');
    const { subscription } = await client.call<{ subscription: number }>('stream/subscribe', { ...place });
    await client.call('run/resolve', { run: place.run, resolution: { path: place.path, action: 'accept' } });
    await client.notice('stream/ended', (params) => params['subscription'] === subscription);
    const lines = (word: string) => Array.from({ length: 500 }, (_, i) => `${word} ${i + 1}\n`).join('');
    expect(client.received(place.path, 1).toString()).toBe(lines('out'));
    expect(client.received(place.path, 2).toString()).toBe(lines('err'));
    const methods = client.notices.map(({ method }) => method);
    expect(methods.indexOf('stream/ended')).toBeGreaterThan(methods.lastIndexOf('stream/chunk'));
    const seqs = client.notices.flatMap(({ method, params }) =>
      params['seq'] && method !== 'stream/ended' ? [params['seq'] as number] : [],
    );
    expect(seqs).toEqual([...seqs].sort((a, b) => a - b));
    expect(new Set(seqs).size).toBe(seqs.length);
  });
});

describe('{#cancel_holds} the end of a command', () => {
  it('is decided when the cancel is answered: what the command writes until it is dead is not stored', async () => {
    const client = await live.client();
    const place = await live.accepted(client, "trap 'echo too late; touch heard' TERM; echo up; while :; do sleep 0.05; done");
    await stored(client, place, 3);
    expect(await client.call('stream/cancel', { ...place, grace_ms: 1000 })).toMatchObject({
      channels: [{ status: 499, bytes: 3 }, { status: 499 }],
    });
    await receiptOf(client, place);
    await live.written('heard');
    expect(await client.call('stream/read', { ...place, channel: 1 })).toMatchObject({ bytes: 3, chunk: 'up\n', status: 499 });
  });

  it('does not reach a process that has shed its session, its parent and its environment, and claims nothing of it', async () => {
    const client = await live.client();
    // The last sh has no marker, is nobody's child and has closed the command's files.
    const command = `setsid -f env -i /bin/sh -c 'echo $$ > shed; exec /bin/sleep 300' > /dev/null 2>&1 < /dev/null; while [ ! -s shed ]; do sleep 0.02; done; echo up; sleep 300`;
    const place = await live.accepted(client, command);
    await stored(client, place, 3);
    const pid = Number(await live.text('shed'));
    await client.call('stream/cancel', { ...place, grace_ms: 200 });
    const receipt = await receiptOf(client, place);
    expect(receipt['confirmedDead']).not.toContain(pid);
    expect(isAlive(pid)).toBe(true);
    process.kill(pid, 'SIGKILL');
  });
});

describe('{#machine_restart} a restart of the machine', () => {
  it('ends what ran before it as lost, with its output, and signals no process that has its number now', async () => {
    const client = await live.client();
    const before = new Set(live.folders());
    const place = await live.accepted(client, 'echo $$ > other-boot; echo written; exec sleep 300');
    await stored(client, place, 8);
    const folder = live.folders().find((each) => !before.has(each)) ?? '';
    await live.server.crash();
    // All that tells a process of before from one of now is the boot; pid and start time may be the same by chance.
    const [shim, ticks] = (await readFile(join(folder, 'pid'), 'utf8')).trim().split(' ');
    await writeFile(join(folder, 'pid'), `${shim} ${ticks} 00000000-0000-0000-0000-000000000000\n`);
    await live.start();
    const next = await live.client();
    expect(await ended(next, place)).toMatchObject({ status: 500, outcome: 'lost' });
    expect((await readAll(next, place.run, place.path, 1)).toString()).toBe('written\n');
    const pids = [Number(shim), Number(await live.text('other-boot'))];
    expect(pids.map(isAlive)).toEqual([true, true]);
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    await vi.waitUntil(() => !pids.some(isAlive), { timeout: 10_000 });
  });
});
