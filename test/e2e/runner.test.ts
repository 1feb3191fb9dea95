import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type BuiltServer, endCommands, readAll, serve, WireClient } from '../support/built-server.ts';
import { type BuiltRunner, startRunner } from '../support/runner.ts';
import { tempFolder } from '../support/temp-store.ts';

let data: string;
let server: BuiltServer;
let remove: () => Promise<void>;
const clients: WireClient[] = [];
const runners: BuiltRunner[] = [];

async function client(): Promise<WireClient> {
  const connected = await WireClient.connect(server, data);
  clients.push(connected);
  return connected;
}

async function runner(args: readonly string[] = ['--name', 'r1'], folder = 'runner'): Promise<BuiltRunner> {
  const started = await startRunner(server, join(data, folder), args);
  runners.push(started);
  return started;
}

/** Starts the server again where it was, so that its runners find it. */
async function again(args: readonly string[] = []): Promise<void> {
  server = await serve(data, ['--port', new URL(server.url).port, ...args]);
}

beforeEach(async () => {
  ({ folder: data, remove } = await tempFolder());
  server = await serve(data);
});
afterEach(async () => {
  await endCommands(server, data);
  await Promise.all(clients.splice(0).map((one) => one.close()));
  await Promise.all(runners.splice(0).map((one) => one.stop()));
  await server.stop();
  await remove();
});

/** Accepts a command for a runner; answers its run and path. */
async function accepted(one: WireClient, command: string, runnerName = 'r1', more = {}): Promise<{ run: string; path: string }> {
  const { run } = await one.call<{ run: string }>('startRun', { model: 'scripted' });
  const { path } = await one.call<{ path: string }>('sh', { run, command, runner: runnerName, ...more });
  await one.call('run/resolve', { run, resolution: { path, action: 'accept' } });
  return { run, path };
}

const numbers = (to: number) => Array.from({ length: to }, (_, i) => `${i + 1}\n`).join('');
const TICKING = 'i=0; while [ $i -lt 40 ]; do i=$((i+1)); echo "line $i of $$"; sleep 0.1; done; exit 7';
const ticked = (pid: string | undefined) => Array.from({ length: 40 }, (_, i) => `line ${i + 1} of ${pid}\n`).join('');

/** Watches a ticking command until its tenth line; answers its pid. */
async function pidOf(one: WireClient, where: { run: string; path: string }): Promise<string> {
  await one.call('stream/subscribe', where);
  await one.notice('stream/chunk', ({ chunk }) => (chunk as string).includes('line 10 '));
  const pid = /of (\d+)/.exec(one.received(where.path, 1).toString())?.[1];
  expect(pid).toBeDefined();
  return pid!;
}

describe('{#runner_process} a runner of its own process', () => {
  it('runs what is accepted for it: every byte of both channels, input, and the exit code', async () => {
    await runner();
    const one = await client();
    const where = await accepted(one, 'seq 1 300000; cat; echo done >&2; exit 5');
    await one.call('stream/subscribe', where);
    expect(await one.notice('stream/started')).toMatchObject({ runner: 'r1' });
    await one.notice('stream/chunk');
    await one.call('stream/input', { ...where, chunk: 'typed\n', eof: true });
    expect(await one.notice('stream/ended')).toMatchObject({ status: 500, exit_code: 5 });
    expect(one.received(where.path, 1).toString() === `${numbers(300_000)}typed\n`).toBe(true);
    expect(one.received(where.path, 2).toString()).toBe('done\n');
    expect(await one.call('runner/list')).toMatchObject([{ name: 'r1', state: 'ready', live: 0, capacity: 100, backends: ['process'] }]);
  });

  it('does not show its token to commands', async () => {
    await runner();
    const one = await client();
    const where = await accepted(one, 'echo "token=[$HEADGATE_TOKEN]"');
    await one.call('stream/subscribe', where);
    await one.notice('stream/ended');
    expect(one.received(where.path, 1).toString()).toBe('token=[]\n');
  });
});

describe('{#exactly_once} {#runner_process} with kill -9', () => {
  it('of the runner: the command goes on, the next runner takes it up, every line once, the exit code right', async () => {
    const first = await runner();
    const one = await client();
    const where = await accepted(one, TICKING);
    const pid = await pidOf(one, where);
    await first.crash();
    expect(await readFile(`/proc/${pid}/stat`, 'utf8')).toContain(pid);
    await runner();
    expect(await one.notice('stream/ended')).toMatchObject({ status: 500, exit_code: 7 });
    expect(one.received(where.path, 1).toString()).toBe(ticked(pid));
  });

  it('of the server: the runner and the command go on, and the rest follows at the stored offset', async () => {
    const only = await runner();
    const one = await client();
    const where = await accepted(one, TICKING);
    const pid = await pidOf(one, where);
    await server.crash();
    const before = one.received(where.path, 1);
    await again();
    const two = await client();
    await two.call('stream/subscribe', { ...where, channel: 1, from: before.length });
    expect(await two.notice('stream/ended')).toMatchObject({ exit_code: 7 });
    expect(Buffer.concat([before, two.received(where.path, 1, before.length)]).toString()).toBe(ticked(pid));
    expect(only.process.exitCode).toBeNull();
  });

  it('of both, again and again, while a command prints fast: byte-exact, right exit code', async () => {
    let last = await runner();
    const one = await client();
    const where = await accepted(one, 'seq 1 300000; sleep 1; seq 300001 600000; echo done >&2; exit 5');
    for (let round = 0; round < 3; round++) {
      await Promise.all([server.crash(), last.crash()]);
      await again();
      last = await runner();
    }
    const two = await client();
    await two.call('stream/subscribe', where);
    expect(await two.notice('stream/ended')).toMatchObject({ exit_code: 5 });
    expect((await readAll(two, where.run, where.path, 1)).toString() === numbers(600_000)).toBe(true);
    expect(two.received(where.path, 2).toString()).toBe('done\n');
  });
});
