import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, statSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { type BuiltServer, endCommands, MAIN, processesWith, readAll, serve, type WireClient } from '../support/built-server.ts';
import { startCli } from '../support/cli.ts';
import { Company } from '../support/runner.ts';
import { slowLink } from '../support/slow-link.ts';
import { tempFolder } from '../support/temp-store.ts';

type Where = { run: string; path: string };

let data: string;
let server: BuiltServer;
let remove: () => Promise<void>;
let mark: string;
const company = new Company();

const client = () => company.client(server, data);
const runner = (args?: readonly string[], to: Pick<BuiltServer, 'url' | 'token'> = server) =>
  company.runner(to, join(data, 'runner'), args);
const accepted = (one: WireClient, command: string, more = {}) => company.accepted(one, command, 'r1', { env: { MARK: mark }, ...more });

const stateOf = async (one: WireClient, { run }: Where) => (await one.call<{ state: string }[]>('stream/list', { run }))[0]?.state;
const receiptOf = async (one: WireClient, where: Where) =>
  (await one.call<{ receipt: { requestedBy: string; finishedAt: number | null } | null }>('stream/receipt', where)).receipt;

beforeEach(async () => {
  ({ folder: data, remove } = await tempFolder());
  mark = `HGTROUBLE${process.pid}x${Date.now()}`;
});
afterEach(async () => {
  await endCommands(server, data);
  await company.close();
  await server.stop();
  await remove();
});

describe('{#runner_lease} a runner that stood still for longer than its lease', () => {
  it('registers again, and what it lost is ended with a receipt', async () => {
    server = await serve(data, ['--runner-lease', '1']);
    const only = await runner();
    const one = await client();
    const where = await accepted(one, 'echo up; exec sleep 300');
    await one.call('stream/subscribe', where);
    await one.notice('stream/chunk');
    only.process.kill('SIGSTOP');
    expect(await one.notice('stream/ended')).toMatchObject({ outcome: 'lost' });
    only.process.kill('SIGCONT');
    await expect
      .poll(() => receiptOf(one, where), { timeout: 20_000 })
      .toMatchObject({ requestedBy: 'server', finishedAt: expect.any(Number) });
    expect(await processesWith(mark)).toEqual([]);
    expect(only.process.exitCode).toBeNull();
    await expect.poll(() => one.call('runner/list')).toMatchObject([{ name: 'r1', state: 'ready', live: 0 }]);
  });
});

describe('{#stream_cancel} a server that is killed while commands are being cancelled', () => {
  // It goes on writing until the grace is over.
  const STUBBORN = 'trap "" TERM; i=0; while :; do i=$((i+1)); echo "line $i"; sleep 0.02; done';

  it('stores nothing more of them after it is back, and gives their place to others', async () => {
    server = await serve(data);
    await runner(['--name', 'r1', '--capacity', '1']);
    const one = await client();
    const remote = await accepted(one, STUBBORN);
    const embedded = await accepted(one, STUBBORN, { runner: 'embedded' });
    const both = [remote, embedded];
    for (const where of both) {
      await one.call('stream/subscribe', where);
      await one.notice('stream/chunk', ({ path }) => String(path).startsWith(where.path));
    }
    // Longer than the rest up to the crash takes; whoever carries the kill out afterwards gives the same grace.
    for (const where of both) await one.call('stream/cancel', { ...where, grace_ms: 5000 });
    const ends = await Promise.all(both.map(({ run, path }) => readAll(one, run, path, 1)));
    await server.crash();
    server = await serve(data, ['--port', new URL(server.url).port]);
    const two = await client();
    for (const where of both) {
      await expect.poll(() => receiptOf(two, where), { timeout: 20_000 }).toMatchObject({ finishedAt: expect.any(Number) });
      expect(await stateOf(two, where)).toBe('cancelled');
    }
    const after = await Promise.all(both.map(({ run, path }) => readAll(two, run, path, 1)));
    expect(after.map(String)).toEqual(ends.map(String));
    expect(await two.call('runner/list')).toMatchObject([{ name: 'r1', live: 0, capacity: 1 }]);
    const next = await accepted(two, 'echo next');
    await expect.poll(() => stateOf(two, next)).toBe('ended');
  });
});

describe('{#runner_lease} a runner on a slow link', () => {
  it('keeps its lease while its output arrives, though its heartbeats wait behind it', async () => {
    server = await serve(data, ['--runner-lease', '2']);
    const link = await slowLink(server, 800_000);
    const only = await runner(['--name', 'r1'], link);
    const one = await client();
    const bytes = 1_000_000;
    const all: Where[] = [];
    for (let i = 0; i < 5; i++) all.push(await accepted(one, `head -c ${bytes} /dev/zero`));
    for (const where of all) {
      await one.call('stream/subscribe', where);
      expect(await one.notice('stream/ended', ({ path, run }) => path === where.path && run === where.run)).toMatchObject({ status: 200 });
      expect((await readAll(one, where.run, where.path, 1)).length).toBe(bytes);
    }
    expect(only.log().split('"registered"').length - 1).toBe(1);
    link.close();
  });
});

describe('{#runner_process} a runner whose server never answers its registration', () => {
  it('is ended by SIGTERM all the same', async () => {
    server = await serve(data);
    const mute = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    const asked = new Promise<void>((resolve) => {
      mute.on('connection', (socket) => socket.on('message', () => resolve()));
    });
    await once(mute, 'listening');
    const url = `ws://127.0.0.1:${(mute.address() as AddressInfo).port}/rpc`;
    const child = spawn(process.execPath, [MAIN, 'runner', '--connect', url, '--data', join(data, 'runner')], {
      stdio: 'ignore',
      env: { ...process.env, HEADGATE_TOKEN: 'x' },
    });
    const left = once(child, 'exit');
    await asked;
    child.kill('SIGTERM');
    expect(await left).toEqual([0, null]);
    for (const socket of mute.clients) socket.terminate();
    mute.close();
  });
});

describe('{#runner_state} the folder of a runner', () => {
  it('that was there before, open to others, is open to nobody else from then on', async () => {
    server = await serve(data);
    mkdirSync(join(data, 'runner'), { mode: 0o755 });
    await runner();
    expect(statSync(join(data, 'runner')).mode & 0o777).toBe(0o700);
  });

  it('is refused where it cannot be made, also in /proc, where Node tries for ever', async () => {
    server = await serve(data);
    const words = ['runner', '--connect', server.url, '--token', server.token, '--data', '/proc/headgate/runner'];
    const started = startCli(words, { cwd: data });
    // It would not end by SIGTERM.
    const limit = setTimeout(() => started.process.kill('SIGKILL'), 10_000);
    const { code, err } = await started.ended;
    clearTimeout(limit);
    expect(code).toBe(1);
    expect(err).toContain('/proc/headgate/runner');
  });
});

describe('{#runner_process} a runner whose server is away for long, with a short lease', () => {
  it('dials often enough to be back within the lease', async () => {
    server = await serve(data, ['--runner-lease', '3']);
    const only = await runner();
    const one = await client();
    const where = await accepted(one, 'echo up; exec sleep 300');
    await one.call('stream/subscribe', where);
    await one.notice('stream/chunk');
    await server.crash();
    const pauses = () => [...only.log().matchAll(/"pauseMs":(\d+)/g)].map(([, ms]) => Number(ms));
    await expect.poll(() => pauses().length, { timeout: 20_000 }).toBeGreaterThanOrEqual(6);
    expect(Math.max(...pauses())).toBe(1000);
    server = await serve(data, ['--port', new URL(server.url).port, '--runner-lease', '3']);
    const two = await client();
    await expect.poll(() => two.call('runner/list'), { timeout: 10_000 }).toMatchObject([{ state: 'ready', live: 1 }]);
    expect(await stateOf(two, where)).toBe('running');
  });
});
