import { readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { processesWith, readAll } from '../../support/built-server.ts';
import { ended, follow, liveServer, receiptOf, stored } from '../../support/live-server.ts';

const live = liveServer();

const isAlive = (pid: number) => {
  try {
    return !/^\d+ \(.*\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
};

describe('{#failure_modes} the end of a command', () => {
  it('finishing on `exit` before the last byte is read: the end comes after the last byte, of small outputs and of large ones', async () => {
    const client = await live.client();
    const small = await Promise.all(
      Array.from({ length: 20 }, (_, i) => live.accepted(client, `printf 'out${i}'; printf 'err${i}' >&2; exit ${i}`)),
    );
    for (const [i, place] of small.entries()) {
      await ended(client, place);
      expect((await readAll(client, place.run, place.path, 1)).toString()).toBe(`out${i}`);
      expect((await readAll(client, place.run, place.path, 2)).toString()).toBe(`err${i}`);
    }
    const large = await live.accepted(client, "head -c 20000000 /dev/zero | tr '\\0' x; printf END");
    await client.notice(
      'entry/changed',
      ({ path, run, status }) => path === large.path && run === large.run && (status === 200 || status === 500),
    );
    const tail = { ...large, channel: 1, from: 19_999_998 };
    expect(await client.call('stream/read', tail)).toMatchObject({ status: 200, bytes: 20_000_003, chunk: 'xxEND' });
  });

  it('Node resuming a paused stdout at exit: what a reader had not taken when the command ended comes afterwards, in order', async () => {
    const [paused, watcher] = [await live.client('paused'), await live.client('watcher')];
    const place = await live.accepted(watcher, 'seq 1 1500000; printf last; exit 4');
    const reading = await follow(paused, place);
    paused.socket.pause();
    expect(await ended(watcher, place)).toMatchObject({ status: 500, outcome: 'exit:4' });
    const before = paused.received(place.path, 1).length;
    paused.socket.resume();
    await reading.ended;
    const text = paused.received(place.path, 1).toString();
    expect(before).toBeLessThan(text.length);
    expect(text === `${Array.from({ length: 1_500_000 }, (_, i) => `${i + 1}\n`).join('')}last`).toBe(true);
  });

  it('a grandchild holding the output open: the end comes all the same, and the grandchild is named and left alone', async () => {
    const client = await live.client();
    const place = await live.accepted(
      client,
      "sh -c 'echo $$ > grandchild; exec sleep 300' & while [ ! -s grandchild ]; do sleep 0.02; done; echo done; exit 3",
    );
    const end = await ended(client, place);
    const pid = Number(await live.text('grandchild'));
    expect(end).toMatchObject({ status: 500, outcome: 'exit:3' });
    expect(end.body).toContain(
      `in the background: 1 process of it still runs (pid ${pid}); what is written from here on is stored behind its own output`,
    );
    expect((await readAll(client, place.run, place.path, 1)).toString()).toBe('done\n');
    expect(isAlive(pid)).toBe(true);
    process.kill(pid, 'SIGKILL');
  });

  it('a plain pipe dying with the server: a command writes on while no server is there, and neither dies nor loses a byte', async () => {
    const client = await live.client();
    const command = [
      "trap 'touch broken' PIPE",
      'echo before',
      'while [ ! -e pipe-go ]; do sleep 0.02; done',
      'seq 1 20000 && echo err >&2 && echo $? > pipe-written',
      'while [ ! -e pipe-end ]; do sleep 0.02; done',
      'echo after; exit 7',
    ].join('; ');
    const place = await live.accepted(client, command);
    await stored(client, place, 7);
    await live.server.crash();
    await writeFile(join(live.root, 'pipe-go'), '');
    await live.written('pipe-written');
    await live.start();
    const next = await live.client();
    await writeFile(join(live.root, 'pipe-end'), '');
    expect(await ended(next, place)).toMatchObject({ status: 500, outcome: 'exit:7' });
    const expected = `before\n${Array.from({ length: 20_000 }, (_, i) => `${i + 1}\n`).join('')}after\n`;
    expect((await readAll(next, place.run, place.path, 1)).toString() === expected).toBe(true);
    expect((await readAll(next, place.run, place.path, 2)).toString()).toBe('err\n');
    expect(await live.text('pipe-written')).toBe('0\n');
    expect(await live.text('broken')).toBe('');
  });
});

describe('{#failure_modes} killing a command', () => {
  it('KILL that misses the group: children that ignore TERM, and children of theirs, are gone when the receipt says so', async () => {
    const client = await live.client();
    const mark = `HGMARK${process.pid}group`;
    const { run } = await client.call<{ run: string }>('startRun', { model: 'scripted' });
    const command = `trap '' TERM; sh -c 'trap "" TERM; sleep 300 & sleep 300' & sh -c 'sleep 300 & sleep 300' & echo up; while :; do sleep 1; done`;
    const { path } = await client.call<{ path: string }>('sh', { run, command, env: { MARK: mark } });
    await client.call('run/resolve', { run, resolution: { path, action: 'accept' } });
    await vi.waitUntil(async () => (await processesWith(mark)).filter((line) => /^\d+ sleep 300$/.test(line)).length === 4, {
      timeout: 10_000,
    });
    const before = (await processesWith(mark)).map((line) => Number.parseInt(line, 10));
    await client.call('stream/cancel', { run, path, grace_ms: 200 });
    const receipt = await receiptOf(client, { run, path });
    expect(await processesWith(mark)).toEqual([]);
    expect((receipt['signals'] as { signal: string }[]).map(({ signal }) => signal)).toEqual(
      expect.arrayContaining(['SIGTERM', 'SIGKILL']),
    );
    expect(receipt['escaped']).toEqual([]);
    expect(before.filter(isAlive)).toEqual([]);
  });

  it('`setsid` escape: a child in a session of its own, orphaned and deaf to TERM, is found by its marker and ended', async () => {
    const client = await live.client();
    const command = `setsid -f sh -c 'trap "" TERM HUP; echo $$ > escaped; while :; do sleep 1; done'; while [ ! -s escaped ]; do sleep 0.02; done; echo up; sleep 300`;
    const place = await live.accepted(client, command);
    await stored(client, place, 3);
    const pid = Number(await live.text('escaped'));
    expect(isAlive(pid)).toBe(true);
    await client.call('stream/cancel', { ...place, grace_ms: 200 });
    const receipt = await receiptOf(client, place);
    expect(receipt['confirmedDead']).toContain(pid);
    expect(receipt['escaped']).toEqual([]);
    expect(isAlive(pid)).toBe(false);
  });

  it('pid reuse: a process that has got the number of a command that is gone is neither followed nor signalled', async () => {
    const client = await live.client();
    const bystander = await live.accepted(client, 'echo $$ > bystander; exec sleep 300');
    await live.written('bystander');
    const other = new Set(live.folders());
    const place = await live.accepted(client, 'echo mine; exec sleep 300');
    await stored(client, place, 5);
    const folder = live.folders().find((each) => !other.has(each)) ?? '';
    await live.server.crash();
    const [shim, ticks, boot] = (await readFile(join(folder, 'pid'), 'utf8')).trim().split(' ');
    const children = (await readFile(`/proc/${shim}/task/${shim}/children`, 'utf8')).trim().split(' ').map(Number);
    const holder = Number.parseInt(await readFile(join(folder, 'in.pid'), 'utf8'), 10);
    const killed = [Number(shim), ...children.filter((pid) => pid !== holder)];
    for (const pid of killed) process.kill(pid, 'SIGKILL');
    await vi.waitUntil(() => !killed.some(isAlive), { timeout: 20_000 });
    // What the folder says when the system has given the shim's number away: that number, and another start time.
    const reused = Number(await live.text('bystander'));
    await writeFile(join(folder, 'pid'), `${reused} ${ticks} ${boot}\n`);
    await live.start();
    const next = await live.client();
    expect(await ended(next, place)).toMatchObject({ status: 500, outcome: 'lost' });
    expect(await next.call('stream/cancel', { ...place })).toMatchObject({ terminal_status: 500 });
    expect((await readAll(next, place.run, place.path, 1)).toString()).toBe('mine\n');
    expect(isAlive(reused)).toBe(true);
    expect(isAlive(holder)).toBe(false);
    await next.call('stream/cancel', { ...bystander, grace_ms: 200 });
    await receiptOf(next, bystander);
    expect(isAlive(reused)).toBe(false);
  });
});
