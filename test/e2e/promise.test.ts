import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type BuiltServer, endCommands, processesWith, readAll, serve, WireClient } from '../support/built-server.ts';
import { tempFolder } from '../support/temp-store.ts';

const PLAIN = fileURLToPath(new URL('fixtures/plain-client.mjs', import.meta.url));
const run = promisify(execFile);

let data: string;
let server: BuiltServer;
let remove: () => Promise<void>;
const clients: WireClient[] = [];

async function client(name?: string): Promise<WireClient> {
  const connected = await WireClient.connect(server, data, name);
  clients.push(connected);
  return connected;
}

beforeEach(async () => {
  ({ folder: data, remove } = await tempFolder());
  server = await serve(data);
});
afterEach(async () => {
  await endCommands(server, data);
  await Promise.all(clients.splice(0).map((one) => one.close()));
  await server.stop();
  await remove();
});

/** Proposes and accepts a command; returns its run and path. */
async function accepted(one: WireClient, command: string, more: Record<string, unknown> = {}): Promise<{ run: string; path: string }> {
  const { run: alias } = await one.call<{ run: string }>('startRun', { model: 'scripted' });
  const { path, status } = await one.call<{ path: string; status: number }>('sh', { run: alias, command, ...more });
  expect(status).toBe(202);
  expect(await one.call('run/resolve', { run: alias, resolution: { path, action: 'accept' } })).toMatchObject({
    status: 102,
    channels: [{ channel: 1 }, { channel: 2 }],
  });
  return { run: alias, path };
}

describe('a client that knows only ws and the protocol', () => {
  it('gets every byte of seq 1 200000 once and in order, and the same again after a restart', async () => {
    const expected = Array.from({ length: 200_000 }, (_, i) => `${i + 1}\n`).join('');
    const first = await run(process.execPath, [PLAIN, server.url, server.token, data, 'seq 1 200000'], { maxBuffer: 1 << 24 });
    expect(first.stdout === expected).toBe(true);
    const said = first.stderr
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const { run: alias, path } = said[1] as { run: string; path: string };
    expect(said.at(-1)).toMatchObject({
      status: 200,
      exit_code: 0,
      channels: [
        { channel: 1, bytes: expected.length, status: 200 },
        { channel: 2, bytes: 0 },
      ],
    });
    await server.stop();
    server = await serve(data);
    const second = await run(process.execPath, [PLAIN, server.url, server.token, data, '--read', alias, path], { maxBuffer: 1 << 24 });
    expect(second.stdout === expected).toBe(true);
  });
});

describe('a client that runs the command itself', () => {
  it('streams with and without offset, repeats a chunk, and completes with exit 3', async () => {
    const one = await client();
    const { run: alias, path } = await accepted(one, 'make it', { runner: 'client' });
    const chunk = (params: Record<string, unknown>) => one.call('stream', { run: alias, path, channel: 1, ...params });
    expect(await chunk({ chunk: 'first\n', offset: 0 })).toEqual({ status: 'ok', offset: 0, bytes: 6 });
    expect(await chunk({ chunk: 'first\n', offset: 0 })).toEqual({ status: 'ok', offset: 0, bytes: 6 });
    expect(await chunk({ chunk: 'second\n' })).toEqual({ status: 'ok', offset: 6, bytes: 13 });
    expect(await chunk({ chunk: '/w==', encoding: 'base64' })).toMatchObject({ bytes: 14 });
    await expect(chunk({ chunk: 'x', offset: 99 })).rejects.toMatchObject({
      code: -32005,
      data: { name: 'offset_conflict', expected: 14 },
    });
    expect(await one.call('stream/completed', { run: alias, path, exit_code: 3 })).toMatchObject({
      ok: true,
      channels: [
        { status: 500, bytes: 14 },
        { status: 500, bytes: 0 },
      ],
    });
    await expect(chunk({ chunk: 'late' })).rejects.toMatchObject({ code: -32005, data: { name: 'stream_closed', terminal_status: 500 } });
    const [entry] = await one.call<{ status: number; outcome: string; body: string }[]>('getEntries', { run: alias, pattern: 'log://**' });
    expect(entry).toMatchObject({ status: 500, outcome: 'exit:3' });
    expect(entry?.body).toContain('exit 3');
    expect((await readAll(one, alias, path, 1)).equals(Buffer.concat([Buffer.from('first\nsecond\n'), Buffer.from([0xff])]))).toBe(true);
  });
});

describe('stream/cancel from another connection', () => {
  it('ends the whole tree, tells every connection and stores the receipt', async () => {
    const [one, two, three] = [await client('one'), await client('two'), await client('three')];
    const mark = `HGMARK${process.pid}x${Date.now()}`;
    const { run: alias, path } = await accepted(one, `sh -c 'sleep 300 & echo up; sleep 300'`, { env: { MARK: mark } });
    await one.call('stream/subscribe', { run: alias, path });
    await one.notice('stream/chunk');
    const sleeping = async () => (await processesWith(mark)).filter((line) => /^\d+ sleep 300$/.test(line));
    await vi.waitUntil(async () => (await sleeping()).length === 2, { timeout: 10_000, interval: 20 });
    const answer = await two.call<{ channels: { status: number }[] }>('stream/cancel', {
      run: alias,
      path,
      reason: 'enough',
      grace_ms: 500,
    });
    expect(answer.channels.map((channel) => channel.status)).toEqual([499, 499]);
    for (const each of [one, two, three]) {
      expect(await each.notice('stream/cancelled')).toMatchObject({ run: alias, path, reason: 'enough' });
    }
    const finished = async () => {
      for (;;) {
        const receipt = await two.call<{ state: string; receipt: Record<string, unknown> }>('stream/receipt', { run: alias, path });
        if (receipt.receipt['finishedAt'] !== null) return receipt;
        await three.notice('entry/changed', (params) => params['path'] === path && (params['seq'] as number) > 0);
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    const { state, receipt } = await finished();
    expect(state).toBe('cancelled');
    expect(receipt).toMatchObject({ requestedBy: 'two', reason: 'enough', escaped: [] });
    expect((receipt['confirmedDead'] as number[]).length).toBeGreaterThanOrEqual(2);
    expect(await processesWith(mark)).toEqual([]);
    for (const each of [one, two, three]) expect(each.notices.filter((notice) => notice.method === 'stream/cancelled')).toHaveLength(1);
  });
});

describe('{#exactly_once} the server killed with -9', () => {
  it('while a command prints 60 lines in 6 s: every line once, the exit code right, the command never noticed', async () => {
    const one = await client();
    const { run: alias, path } = await accepted(
      one,
      'i=0; while [ $i -lt 60 ]; do i=$((i+1)); echo "line $i of $$"; sleep 0.1; done; exit 7',
    );
    await one.call('stream/subscribe', { run: alias, path });
    await one.notice('stream/chunk', (params) => (params['chunk'] as string).includes('line 15 '));
    const pid = /of (\d+)/.exec(one.received(path, 1).toString())?.[1];
    await server.crash();
    expect(await readFile(`/proc/${pid}/stat`, 'utf8')).toContain(String(pid));
    await new Promise((resolve) => setTimeout(resolve, 1000));
    server = await serve(data);
    const two = await client();
    const before = one.received(path, 1);
    const { subscription } = await two.call<{ subscription: number }>('stream/subscribe', {
      run: alias,
      path,
      channel: 1,
      from: before.length,
    });
    expect(await two.notice('stream/ended', (end) => end['subscription'] === subscription)).toMatchObject({
      status: 500,
      exit_code: 7,
      outcome: 'exit:7',
    });
    const expected = Array.from({ length: 60 }, (_, i) => `line ${i + 1} of ${pid}\n`).join('');
    expect(Buffer.concat([before, two.received(path, 1, before.length)]).toString()).toBe(expected);
    expect((await readAll(two, alias, path, 1)).toString()).toBe(expected);
  });

  it('again and again while a command prints fast: byte-exact, right exit code', async () => {
    const one = await client();
    const { run: alias, path } = await accepted(one, 'seq 1 400000; sleep 1; seq 400001 800000; echo done >&2; exit 5');
    for (let round = 0; round < 4; round++) {
      await server.crash();
      server = await serve(data);
    }
    const two = await client();
    // Its own end, after its last chunk: the event of the end may have come before, and alone.
    const { subscription } = await two.call<{ subscription: number }>('stream/subscribe', { run: alias, path });
    expect(await two.notice('stream/ended', (end) => end['subscription'] === subscription)).toMatchObject({ exit_code: 5 });
    const expected = Array.from({ length: 800_000 }, (_, i) => `${i + 1}\n`).join('');
    expect(two.received(path, 1).toString() === expected).toBe(true);
    expect(two.received(path, 2).toString()).toBe('done\n');
  });

  it('while a proposal of the model waits: listed, accepted by one of two, and the loop goes on', async () => {
    const one = await client();
    await one.call('addModel', { alias: 'one-command', actual: 'scenario.yaml', provider: 'scripted' });
    const { writeFile } = await import('node:fs/promises');
    await writeFile(
      `${data}/scenario.yaml`,
      [
        'steps:',
        '  - say: I will count.',
        '    calls:',
        '      - tool: sh',
        '        input: { command: "echo once >> witness; seq 1 3" }',
        '  - say: Counted.',
        '',
      ].join('\n'),
    );
    const { run: alias, loop } = await one.call<{ run: string; loop: number }>('act', { prompt: 'count', model: 'one-command' });
    const { path } = (await one.notice('run/proposal')) as { path: string };
    await server.crash();
    server = await serve(data);
    const [two, three] = [await client('two'), await client('three')];
    expect(await two.call('getProposals')).toMatchObject([{ run: alias, path, action: 'sh', status: 202 }]);
    const answer = (each: WireClient) => each.call('run/resolve', { run: alias, resolution: { path, action: 'accept' } });
    const results = await Promise.allSettled([answer(two), answer(three)]);
    expect(results.map((result) => result.status).sort()).toEqual(['fulfilled', 'rejected']);
    const refused = results.find((result) => result.status === 'rejected');
    expect(refused?.reason).toMatchObject({ code: -32005, data: { name: 'proposal_resolved' } });
    await two.notice('run/state', (params) => params['run'] === alias && params['status'] === 200);
    expect(await two.call('getRun', { run: alias })).toMatchObject({ status: 200, loops: [{ loop, status: 200, result: 'Counted.' }] });
    expect(await readFile(`${data}/witness`, 'utf8')).toBe('once\n');
  });
});
