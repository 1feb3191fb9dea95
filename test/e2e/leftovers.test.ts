import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { isRunning } from '../contract/backend-probe.ts';
import { readAll, type WireClient } from '../support/built-server.ts';
import { cli } from '../support/cli.ts';
import { ended, liveServer, type Place, receiptOf, stored } from '../support/live-server.ts';
import { startRunner } from '../support/runner.ts';

const live = liveServer();

interface Row {
  readonly path: string;
  readonly state: string;
  readonly leftover: {
    processes: number[];
    bytes: number;
    ends: Record<string, number>;
    limit: string | null;
    goneAt: number | null;
  } | null;
}

const output = async (client: WireClient, place: Place, channel = 1) => (await readAll(client, place.run, place.path, channel)).toString();
const until = (name: string) => `while [ ! -e ${name} ]; do sleep 0.02; done`;
const go = (name: string) => writeFile(join(live.root, name), '');

async function row(client: WireClient, { run, path }: Place): Promise<Row> {
  const found = (await client.call<Row[]>('stream/list', { run })).find((one) => one.path === path);
  if (!found) throw new Error(`${path} is not listed`);
  return found;
}

/** A command that has ended and left something running. */
async function left(client: WireClient, command: string, more = {}): Promise<{ place: Place; pids: number[] }> {
  const place = await live.accepted(client, command, more);
  const { processes } = await client.notice('stream/leftover', ({ path }) => path === place.path);
  return { place, pids: processes as number[] };
}

const told = (client: WireClient, { path }: Place, state: string) =>
  client.notice('stream/leftover', (params) => params['path'] === path && params['state'] === state);

describe('{#detached} a leftover', () => {
  it('is listed with its processes once its command has ended, and what it writes is stored behind the end', async () => {
    const client = await live.client();
    const { place, pids } = await left(client, `(${until('late')}; echo late; echo error >&2) & echo started`);
    expect(await ended(client, place)).toMatchObject({ status: 200, outcome: 'detached' });
    expect(await row(client, place)).toMatchObject({
      state: 'ended',
      leftover: { processes: pids, bytes: 0, ends: { 1: 8, 2: 0 }, goneAt: null },
    });
    expect(await client.call('getRun', { run: place.run })).toMatchObject({ producers: [], leftovers: [place.path] });
    await go('late');
    expect(await told(client, place, 'gone')).toMatchObject({ bytes: 11, limit: null });
    expect([await output(client, place), await output(client, place, 2)]).toEqual(['started\nlate\n', 'error\n']);
    expect(await client.call('stream/read', { ...place, channel: 1, from: 8 })).toMatchObject({
      chunk: 'late\n',
      endOffset: 8,
      end_offset: 8,
      status: 200,
    });
    expect(await client.call('stream/export', { ...place, format: 'raw' })).toMatchObject({
      chunk: 'started\nlate\n',
      endOffsets: { 1: 8 },
      end_offsets: { 1: 8 },
    });
    expect((await row(client, place)).leftover?.goneAt).toEqual(expect.any(Number));
    expect(await client.call('getRun', { run: place.run })).toMatchObject({ leftovers: [] });
    await expect(client.call('stream/signal', { ...place, signal: 'TERM' })).rejects.toMatchObject({ data: { name: 'conflict' } });
    expect(await client.call('stream/cancel', { ...place })).toMatchObject({ terminal_status: 200 });
    await vi.waitUntil(() => live.folders().length === 0, { timeout: 10_000 });
  });

  it('is shown by `headgate ps`, ended by `headgate cancel` with a receipt, and `headgate output` says where the end was', async () => {
    const hg = (...args: string[]) => cli(args, { cwd: live.root, data: live.data });
    const started = await hg('sh', '--run', 'people', `(${until('people')}; echo more; sleep 1000) & echo started`);
    expect([started.code, started.out]).toEqual([0, 'started\n']);
    const list = async () => JSON.parse((await hg('ps', '--json')).out) as Row[];
    await go('people');
    await vi.waitUntil(async () => (await list())[0]?.leftover?.bytes === 5, { timeout: 20_000 });
    const [{ path }] = (await list()) as [Row];
    const { out } = await hg('ps');
    expect(out).toMatch(/people +log:.* leftover +\d+ .*\(has ended; 5 B since\)/);
    const shown = await hg('output', 'people', path);
    expect([shown.out, shown.err]).toEqual([
      'started\nmore\n',
      expect.stringContaining('what lies behind byte 8 was written after the end'),
    ]);
    const cancelled = await hg('cancel', 'people');
    expect([cancelled.code, cancelled.out]).toEqual([0, expect.stringMatching(/confirmed gone\n$/)]);
    expect((await hg('ps')).out).not.toContain('leftover');
    expect((await hg('ps', '--all')).out).toContain('exit 0');
  });

  it('outlives a kill -9 of the server, is followed by the next one, and no byte of it is lost or stored twice', async () => {
    const client = await live.client();
    const counted = `for i in $(seq 1 2000); do echo line $i; done; ${until('more')}; for i in $(seq 2001 4000); do echo line $i; done`;
    const { place } = await left(client, `(${until('crash')}; ${counted}; ${until('over')}) & echo started`);
    await go('crash');
    await live.crashAndStart();
    const next = await live.client();
    await stored(next, place, 8 + 2000 * 6);
    await live.crashAndStart();
    await go('more');
    const last = await live.client();
    const lines = Array.from({ length: 4000 }, (_, i) => `line ${i + 1}\n`).join('');
    await stored(last, place, 8 + lines.length);
    expect(await output(last, place)).toBe(`started\n${lines}`);
    expect(await row(last, place)).toMatchObject({ leftover: { ends: { 1: 8 }, bytes: lines.length, goneAt: null } });
    await go('over');
    await told(last, place, 'gone');
    await vi.waitUntil(() => live.folders().length === 0, { timeout: 10_000 });
  });

  it('writes on beyond its limit and does not wait, while what it writes is dropped', async () => {
    const client = await live.client();
    const { place } = await left(client, `(${until('much')}; head -c 5000000 /dev/zero; echo > wrote; sleep 1000) & echo started`);
    await go('much');
    expect(await told(client, place, 'running')).toMatchObject({ limit: null });
    expect(await client.notice('stream/leftover', ({ path, limit }) => path === place.path && limit !== null)).toMatchObject({
      limit: 'bytes',
    });
    await live.written('wrote');
    expect(await row(client, place)).toMatchObject({ leftover: { bytes: 1024 ** 2, limit: 'bytes', goneAt: null } });
    await live.crashAndStart();
    const next = await live.client();
    expect(await row(next, place)).toMatchObject({ leftover: { bytes: 1024 ** 2, limit: 'bytes', goneAt: null } });
    await next.call('stream/cancel', { ...place });
    await receiptOf(next, place);
    expect((await output(next, place)).length).toBe(8 + 1024 ** 2);
  });

  it('is reached by a signal', async () => {
    const client = await live.client();
    const { place } = await left(client, `(trap 'echo heard; exit' USR1; echo > ready; while :; do sleep 0.05; done) & echo started`);
    await live.written('ready');
    await client.call('stream/signal', { ...place, signal: 'USR1' });
    await told(client, place, 'gone');
    expect(await output(client, place)).toBe('started\nheard\n');
  });
});

describe('{#stream_cancel} what a command has left running', () => {
  it('is ended with a receipt, while the command stays ended as it was', async () => {
    const client = await live.client();
    const { place, pids } = await left(client, 'sleep 1000 & echo started');
    expect(pids.every(isRunning)).toBe(true);
    expect(await client.call('stream/cancel', { ...place, reason: 'enough' })).toMatchObject({
      channels: [{ status: 200 }, { status: 200 }],
    });
    expect(await receiptOf(client, place)).toMatchObject({ requestedBy: 'test', reason: 'enough', confirmedDead: pids, escaped: [] });
    expect(await told(client, place, 'gone')).toMatchObject({ processes: [] });
    expect(pids.some(isRunning)).toBe(false);
    expect(await ended(client, place)).toMatchObject({ status: 200, outcome: 'detached' });
    expect(await client.call('stream/cancel', { ...place })).toMatchObject({ channels: [{ status: 200 }, { status: 200 }] });
  });

  it('is refused to be forgotten with its run', async () => {
    const client = await live.client();
    const { place } = await left(client, 'sleep 1000 & echo started');
    await expect(client.call('run/delete', { run: place.run })).rejects.toMatchObject({ data: { name: 'conflict' } });
    await client.call('stream/cancel', { ...place });
    await receiptOf(client, place);
    await client.call('run/delete', { run: place.run });
  });
});

describe('{#detached} a command that a signal ends', () => {
  it('ends with the last of its processes, and says how both ended', async () => {
    const client = await live.client();
    const command = `(trap '' TERM; echo > rest; ${until('rest-over')}; sleep 1.5; echo last words) & exec sleep 1000`;
    const place = await live.accepted(client, command);
    await live.written('rest');
    await client.call('stream/signal', { ...place, signal: 'TERM' });
    await go('rest-over');
    expect(await client.notice('stream/ended', ({ path }) => path === place.path)).toMatchObject({
      signal: 'SIGTERM',
      rest_ms: expect.any(Number),
    });
    expect(await output(client, place)).toBe('last words\n');
    expect((await ended(client, place)).body).toMatch(/ended by SIGTERM .*, the rest of it ended .* later/);
    expect((await row(client, place)).leftover).toBeNull();
  });
});

describe('{#runner_requests} a leftover on a runner of its own process', () => {
  it('is followed, taken up after a kill -9 of the runner, and ended with a receipt', async () => {
    const data = join(live.data, '..', 'runner');
    const first = await startRunner(live.server, data);
    const client = await live.client();
    const place = await live.proposed(client, `(${until('far')}; echo late; sleep 1000) & echo started`, { runner: 'r1' });
    await client.call('run/resolve', { run: place.run, resolution: { path: place.path, action: 'accept' } });
    await told(client, place, 'running');
    await first.crash();
    await go('far');
    const second = await startRunner(live.server, data);
    await stored(client, place, 13);
    expect(await output(client, place)).toBe('started\nlate\n');
    await client.call('stream/cancel', { ...place });
    expect(await receiptOf(client, place)).toMatchObject({ requestedBy: 'test', escaped: [] });
    await second.stop();
  });
});
