import { existsSync, readdirSync, statSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type BuiltServer, endCommands, processesWith, readAll, serve, type WireClient } from '../support/built-server.ts';
import { cli } from '../support/cli.ts';
import { serviceAvailable } from '../support/require.ts';
import { Company, startRunner } from '../support/runner.ts';
import { tempFolder } from '../support/temp-store.ts';

let data: string;
let server: BuiltServer;
let remove: () => Promise<void>;
const company = new Company();

const client = () => company.client(server, data);
const runner = (args?: readonly string[], folder = 'runner') => company.runner(server, join(data, folder), args);

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
  await company.close();
  await server.stop();
  await remove();
});

const accepted = (one: WireClient, command: string, name = 'r1', more = {}) => company.accepted(one, command, name, more);

const numbers = (to: number) => Array.from({ length: to }, (_, i) => `${i + 1}\n`).join('');
const TICKING = 'i=0; while [ $i -lt 40 ]; do i=$((i+1)); echo "line $i of $$"; sleep 0.1; done; exit 7';
const ticked = (pid: string | undefined) => Array.from({ length: 40 }, (_, i) => `line ${i + 1} of ${pid}\n`).join('');

/** Watches a ticking command until its tenth line; returns its pid. */
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
    expect(await one.call('runner/list')).toMatchObject([
      { name: 'r1', state: 'ready', live: 0, capacity: 100, backends: expect.arrayContaining(['process', 'ssh']) },
    ]);
  });

  it.skipIf(!serviceAvailable('fallocate'))(
    '{#spool_space} gives the space of stored output back while the command runs: its spool stays far below what was written',
    async () => {
      await runner();
      const one = await client();
      const where = await accepted(one, 'seq 1 42000000; echo written >&2; read line', 'r1', { stdin: true });
      await one.call('stream/subscribe', { ...where, channel: 2 });
      const folder = join(data, 'runner', 'producers');
      let most = 0;
      const spool = () => {
        const entries = existsSync(folder) ? readdirSync(folder, { withFileTypes: true }) : [];
        const producer = entries.find((entry) => entry.isDirectory() && !entry.name.startsWith('.'));
        return join(folder, producer?.name ?? '', 'out.1');
      };
      const looking = setInterval(() => {
        most = Math.max(most, (statSync(spool(), { throwIfNoEntry: false })?.blocks ?? 0) * 512);
      }, 20);
      try {
        await one.notice('stream/chunk', ({ channel }) => channel === 2);
      } finally {
        clearInterval(looking);
      }
      expect(statSync(spool()).size).toBe(366_888_897);
      // Two steps of 64 MiB, and what a fast command writes before it has stopped.
      expect(most).toBeLessThan(224 * 1024 * 1024);
      await one.call('stream/input', { ...where, chunk: 'go\n' });
      expect(await one.notice('stream/ended')).toMatchObject({ status: 200 });
    },
  );

  it('{#runner_output} over the unix socket: no token, every byte of both channels, also after kill -9 of the server', async () => {
    await company.runner({ url: `unix:${server.socket}`, token: '' }, join(data, 'runner'));
    const one = await client();
    const where = await accepted(one, 'seq 1 300000; echo up >&2; read line; printf "%s\\377\\n" "$line"; exit 5');
    await one.call('stream/subscribe', where);
    await one.notice('stream/chunk', ({ channel }) => channel === 2);
    await server.crash();
    await again();
    const two = await client();
    const { subscription } = await two.call<{ subscription: number }>('stream/subscribe', where);
    await expect.poll(async () => (await two.call<{ state: string }[]>('runner/list'))[0]?.state, { timeout: 20_000 }).toBe('ready');
    await two.call('stream/input', { ...where, chunk: 'typed\n', eof: true });
    expect(await two.notice('stream/ended', (end) => end['subscription'] === subscription)).toMatchObject({ exit_code: 5 });
    const typed = Buffer.concat([Buffer.from(numbers(300_000)), Buffer.from('typed'), Buffer.from([0xff, 10])]);
    expect(two.received(where.path, 1).equals(typed)).toBe(true);
  });

  it('does not show its token to commands', async () => {
    await runner();
    const one = await client();
    const where = await accepted(one, 'echo "token=[$HEADGATE_TOKEN]"');
    await one.call('stream/subscribe', where);
    await one.notice('stream/ended');
    expect(one.received(where.path, 1).toString()).toBe('token=[]\n');
  });

  it('{#backend_process} hands no command a file that the runner was started with, also not one that an option names', async () => {
    const start = `exec 17< /etc/hostname 64< /etc/hostname; exec "$@"`;
    const started = await startRunner(server, join(data, 'runner'), ['--name', 'r1', '--ca', '/dev/fd/64'], {}, [
      'bash',
      '-c',
      start,
      'bash',
    ]);
    try {
      const one = await client();
      const where = await accepted(one, 'for f in 17 64; do [ -e /proc/self/fd/$f ] && echo $f; done; echo all');
      const { subscription } = await one.call<{ subscription: number }>('stream/subscribe', where);
      await one.notice('stream/ended', (params) => params['subscription'] === subscription);
      expect(one.received(where.path, 1).toString()).toBe('all\n');
    } finally {
      await started.stop();
    }
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
    const { subscription } = await two.call<{ subscription: number }>('stream/subscribe', { ...where, channel: 1, from: before.length });
    expect(await two.notice('stream/ended', (end) => end['subscription'] === subscription)).toMatchObject({ exit_code: 7 });
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
    const { subscription } = await two.call<{ subscription: number }>('stream/subscribe', where);
    expect(await two.notice('stream/ended', (end) => end['subscription'] === subscription)).toMatchObject({ exit_code: 5 });
    expect((await readAll(two, where.run, where.path, 1)).toString() === numbers(600_000)).toBe(true);
    expect(two.received(where.path, 2).toString()).toBe('done\n');
  });
});

/** How often a change of that entry has been told. */
const changes = (one: WireClient, path: string) =>
  one.notices.filter(({ method, params }) => method === 'entry/changed' && params['path'] === path).length;

/** The receipt of a producer, once it is finished. */
async function finished(
  one: WireClient,
  where: { run: string; path: string },
): Promise<{ state: string; receipt: Record<string, unknown> }> {
  for (let seen = 0; ; ) {
    const answer = await one.call<{ state: string; receipt: Record<string, unknown> | null }>('stream/receipt', where);
    if (answer.receipt && answer.receipt['finishedAt'] !== null) return { state: answer.state, receipt: answer.receipt };
    await one.notice('entry/changed', () => changes(one, where.path) > seen);
    seen = changes(one, where.path);
  }
}

describe('{#runner_lease} a runner that stays away', () => {
  it('for longer than its lease: the command is lost; when it is back, the command is ended and the receipt stored', async () => {
    await server.stop();
    await again(['--runner-lease', '1']);
    const first = await runner();
    const one = await client();
    const mark = `HGLOST${process.pid}x${Date.now()}`;
    const where = await accepted(one, 'sleep 300 & echo up; sleep 300', 'r1', { env: { MARK: mark } });
    await one.call('stream/subscribe', where);
    await one.notice('stream/chunk');
    await first.crash();
    expect(await one.notice('stream/ended')).toMatchObject({ status: 500, outcome: 'lost' });
    expect(await one.call('stream/list', { run: where.run })).toMatchObject([{ state: 'lost' }]);
    expect((await processesWith(mark)).length).toBeGreaterThan(0);
    expect(await one.call('runner/list')).toMatchObject([{ name: 'r1', state: 'away', live: 0 }]);
    await runner();
    const { state, receipt } = await finished(one, where);
    expect(state).toBe('lost');
    expect(receipt).toMatchObject({ requestedBy: 'server', reason: expect.stringContaining('lease'), escaped: [] });
    expect(await processesWith(mark)).toEqual([]);
  });

  it.each([
    ['within its lease', '30'],
    ['after its lease', '1'],
  ])('while its command is cancelled: 499 at once, the kill when it is back %s', async (_, lease) => {
    await server.stop();
    await again(['--runner-lease', lease]);
    const first = await runner();
    const one = await client();
    const mark = `HGGONE${process.pid}x${Date.now()}`;
    const where = await accepted(one, 'echo up; sleep 300', 'r1', { env: { MARK: mark } });
    await one.call('stream/subscribe', where);
    await one.notice('stream/chunk');
    await first.crash();
    const cancel = { ...where, reason: 'enough', signal: 'USR1', grace_ms: 60_000 };
    expect(await one.call('stream/cancel', cancel)).toMatchObject({ channels: [{ status: 499 }, { status: 499 }] });
    expect((await processesWith(mark)).length).toBeGreaterThan(0);
    const told = changes(one, where.path);
    if (lease === '1') await one.notice('entry/changed', () => changes(one, where.path) > told);
    await runner();
    const { state, receipt } = await finished(one, where);
    expect(state).toBe('cancelled');
    expect(receipt).toMatchObject({ requestedBy: 'test', reason: 'enough', signal: 'SIGUSR1', graceMs: 60_000, escaped: [] });
    expect((receipt['signals'] as { signal: string }[]).map(({ signal }) => signal)).toEqual(['SIGUSR1']);
    expect(await processesWith(mark)).toEqual([]);
  });

  it('is waited for after a restart of the server too, for one lease, and then what it had is lost', async () => {
    const first = await runner();
    const one = await client();
    const where = await accepted(one, 'echo up; sleep 2');
    await one.call('stream/subscribe', where);
    await one.notice('stream/chunk');
    await Promise.all([first.crash(), server.crash()]);
    await again(['--runner-lease', '1']);
    const two = await client();
    expect(await two.call('stream/list', { run: where.run })).toMatchObject([
      { state: 'running', waitsFor: expect.stringContaining('r1') },
    ]);
    await two.call('stream/subscribe', where);
    expect(await two.notice('stream/ended')).toMatchObject({ status: 500, outcome: 'lost' });
    expect((await readAll(two, where.run, where.path, 1)).toString()).toBe('up\n');
  });
});

describe('{#runner_selection} {#cli_runner} several runners', () => {
  it('get the work of their labels; work for a label that nobody has starts when somebody comes who has it', async () => {
    await Promise.all([runner(['--name', 'a', '--labels', 'left,both'], 'a'), runner(['--name', 'b', '--labels', 'right,both'], 'b')]);
    const one = await client();
    const where = await accepted(one, 'pwd', 'later');
    const options = { cwd: data, data };
    const on = (label: string) => cli(['sh', '--runner', label, '--project', data, '--run', 'cli', '--', 'echo', label], options);
    const results = [await on('left'), await on('right'), await on('both')];
    expect(results.map(({ code, out }) => [code, out])).toEqual([
      [0, 'left\n'],
      [0, 'right\n'],
      [0, 'both\n'],
    ]);
    const { out } = await cli(['ps', '--all', '--json', '--project', data], options);
    const rows = JSON.parse(out) as { runner: string }[];
    expect(rows.map((row) => row.runner)).toEqual([expect.stringMatching(/^[ab]$/), 'b', 'a']);
    await one.call('stream/subscribe', where);
    const waiting = on('later');
    const listed = async () => (await cli(['ps', '--project', data], options)).out;
    await expect.poll(listed, { timeout: 10_000 }).toContain('(waits for a runner named or labelled "later")');
    await runner(['--name', 'c', '--labels', 'later'], 'c');
    expect(await waiting).toMatchObject({ code: 0, out: 'later\n' });
    expect(await one.notice('stream/ended', ({ path }) => path === where.path)).toMatchObject({ status: 200 });
    const table = await cli(['runners'], options);
    expect(table.out).toMatch(/NAME +STATE +COMMANDS +LABELS[^]*\na +ready +0\/100 +left,both[^]*\nb +ready[^]*\nc +ready/);
  });
});

describe('{#runner_drain} {#cli_runner} headgate runner drain', () => {
  it('lets the runner finish what it has and leave with exit code 0', async () => {
    const only = await runner();
    const one = await client();
    const where = await accepted(one, 'echo up; read line; echo "$line"');
    await one.call('stream/subscribe', where);
    await one.notice('stream/chunk');
    const drained = await cli(['runner', 'drain', 'r1'], { cwd: data, data });
    expect(drained).toMatchObject({ code: 0, out: 'r1 takes no more and leaves after 1 command\n' });
    await one.call('stream/input', { ...where, chunk: 'bye\n' });
    expect(await one.notice('stream/ended')).toMatchObject({ status: 200 });
    expect(await only.left).toBe(0);
    expect(one.received(where.path, 1).toString()).toBe('up\nbye\n');
    expect(await one.call('runner/list')).toMatchObject([{ state: 'away' }]);
  });
});

describe('{#runner_state} {#runner_register} two runners', () => {
  it('on one folder: the second is refused and told who holds it', async () => {
    const first = await runner();
    const error = await runner(['--name', 'r2']).catch((caught: unknown) => caught);
    expect(String(error)).toContain(`in use by process ${first.pid}`);
    expect(String(error)).toContain('--data');
  });

  it('of one name: the first is fenced and leaves, its command goes on and is nobody else’s', async () => {
    const first = await runner();
    const one = await client();
    const where = await accepted(one, 'echo up; sleep 300');
    await one.call('stream/subscribe', where);
    await one.notice('stream/chunk');
    await runner(['--name', 'r1'], 'other');
    expect(await first.left).toBe(1);
    expect(await one.call('stream/list', { run: where.run })).toMatchObject([
      { state: 'running', waitsFor: expect.stringContaining('away') },
    ]);
    const last = await runner();
    await one.call('stream/cancel', { ...where, grace_ms: 100 });
    expect((await finished(one, where)).receipt).toMatchObject({ escaped: [] });
    expect(last.process.exitCode).toBeNull();
  });

  it('is refused with the reason when the token is wrong, and lets go of everything on SIGTERM', async () => {
    const wrong = await startRunner({ url: server.url, token: 'wrong' }, join(data, 'wrong')).catch((caught: unknown) => caught);
    expect(String(wrong)).toContain('wrong token');
    const first = await runner();
    const one = await client();
    const where = await accepted(one, TICKING);
    const pid = await pidOf(one, where);
    expect(await first.stop()).toBe(0);
    expect(await readFile(`/proc/${pid}/stat`, 'utf8')).toContain(pid);
    await runner();
    expect(await one.notice('stream/ended')).toMatchObject({ exit_code: 7 });
    expect(one.received(where.path, 1).toString()).toBe(ticked(pid));
  });
});

describe('{#output_limit} a command of a runner of its own process', () => {
  it('is ended when it writes more than the server allows', async () => {
    await server.stop();
    const config = join(data, 'limits.yaml');
    await writeFile(config, 'limits: {outputBytes: 100000}\n');
    server = await serve(data, ['--config', config]);
    await runner();
    const one = await client();
    const where = await accepted(one, 'yes | head -c 3000000; sleep 300');
    await one.call('stream/subscribe', where);
    expect(await one.notice('stream/ended')).toMatchObject({ status: 500, outcome: 'output_limit' });
  });
});
