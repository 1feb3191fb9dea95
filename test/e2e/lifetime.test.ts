import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Params, readAll, serve, WireClient } from '../support/built-server.ts';
import { cli } from '../support/cli.ts';
import { ended, LiveServer, type Place, receiptOf } from '../support/live-server.ts';
import { startRunner } from '../support/runner.ts';

const FORMS = 'must be server, forever, or a duration from 1 s to 365 days such as 30s, 15m, 24h or 7d';

let live: LiveServer;

beforeEach(async () => {
  live = new LiveServer();
  await live.open();
});

afterEach(async () => {
  await live.closeClients();
  await live.close();
});

const spool = (server = live) => join(server.data, 'producers');

/** A file of the spool, as `PID START BOOT`: the pid; undefined when it is not there. */
function pidIn(name: string, server = live): number | undefined {
  try {
    return Number(readFileSync(join(spool(server), name), 'utf8').split(' ')[0]) || undefined;
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}

function linkOf(file: string): string[] {
  try {
    return [readlinkSync(file)];
  } catch {
    return [];
  }
}

const until = (condition: () => boolean | Promise<boolean>, timeout = 20_000) => vi.waitUntil(condition, { timeout, interval: 20 });
const gone = (pid: number) => until(() => !isAlive(pid));

/** Runs a command that writes its pid into a file, and answers both once it has. */
async function running(
  client: WireClient,
  name: string,
  more: Params = {},
  command = 'sleep 600',
): Promise<Place & { place: Place; pid: number }> {
  const place = await live.accepted(client, `echo $$ > ${name}.new; mv ${name}.new ${name}; ${command}; :`, {}, more);
  await live.written(name);
  return { place, ...place, pid: Number(await live.text(name)) };
}

describe('{#lifetime} how long a command lives without its server', { timeout: 90_000 }, () => {
  it('refuses what is no lifetime, with the field and what is accepted, wherever one is named', async () => {
    const client = await live.client();
    const { run } = await client.call<{ run: string }>('startRun', { model: 'scripted' });
    for (const lifetime of ['', 'ever', '0s', '10', '500ms', '1.5h', '366d', '-1s', '8761h', 'Server']) {
      const refused = await client.call('sh', { run, command: 'true', lifetime }).catch((error: unknown) => error);
      expect(refused, lifetime).toMatchObject({
        data: { name: 'invalid_params', field: 'lifetime' },
        message: expect.stringContaining(FORMS),
      });
    }
    await expect(client.call('run/config', { run, lifetime: 'long' })).rejects.toThrow(FORMS);
    await expect(client.call('sh', { run, command: 'true', runner: 'client', lifetime: '1h' })).rejects.toMatchObject({
      data: { name: 'unsupported' },
    });
    await expect(client.call('sh', { run, command: 'true', container: { image: 'x' }, lifetime: '1h' })).rejects.toMatchObject({
      data: { name: 'unsupported' },
    });
    expect(await cli(['sh', '--lifetime', 'soon', '--', 'true'], { cwd: live.root, data: live.data })).toMatchObject({
      code: 2,
      err: expect.stringContaining(FORMS),
    });
  });

  it('is that of the call, else of the run, else of the configuration, else 24 h for a model and forever for a client', async () => {
    const client = await live.client();
    const { run } = await client.call<{ run: string }>('startRun', { model: 'scripted', lifetime: '2h' });
    const lifetimes = async () => {
      const rows = await client.call<{ path: string; lifetime: string }[]>('stream/list', { state: 'live' });
      return rows.map(({ lifetime }) => lifetime);
    };
    const accept = async (path: string, of = run) => await client.call('run/resolve', { run: of, resolution: { path, action: 'accept' } });
    const sh = async (more: Params = {}) => await client.call<{ path: string }>('sh', { run, command: 'sleep 600', ...more });
    await accept((await sh()).path);
    await accept((await sh({ lifetime: '90s' })).path);
    await live.accepted(client, 'sleep 600');
    expect(await lifetimes()).toEqual(['forever', '90s', '2h']);
    const { run: asked } = await client.call<{ run: string }>('act', { model: 'scripted', prompt: 'sh: sleep 600' });
    const proposed = await client.notice('run/proposal', (one) => one['run'] === asked);
    await accept(proposed['path'] as string, asked);
    await until(async () => (await lifetimes()).length === 4);
    expect((await lifetimes())[0]).toBe('24h');
    await live.closeClients();
    await live.server.stop();
    const config = join(live.root, 'headgate.yaml');
    await writeFile(config, 'lifetime: {client: 15m}\n');
    live.server = await serve(live.data, ['--config', config]);
    const again = await live.client();
    const { path, run: later } = await live.accepted(again, 'sleep 600');
    const rows = await again.call<Params[]>('stream/list', { run: later, state: 'live' });
    expect(rows).toMatchObject([{ path, lifetime: '15m' }]);
  });

  it('`server`: a planned stop ends it with a receipt before the server ends, and no other command', async () => {
    const client = await live.client();
    const doomed = await running(client, 'doomed', { lifetime: 'server' }, "trap 'echo bye; exit 3' TERM; sleep 600 & wait");
    const kept = await running(client, 'kept', { lifetime: '1h' });
    const told = client.notice('stream/cancelled', ({ path }) => path === doomed.path);
    await live.server.stop();
    expect(isAlive(doomed.pid)).toBe(false);
    expect(isAlive(kept.pid)).toBe(true);
    await told;
    await live.start();
    const again = await live.client();
    expect(await ended(again, doomed.place)).toMatchObject({ status: 499, outcome: 'cancelled' });
    const receipt = await receiptOf(again, doomed.place);
    expect(receipt).toMatchObject({ requestedBy: 'server', escaped: [], signals: [{ signal: 'SIGTERM' }] });
    expect(receipt['confirmedDead']).toContain(doomed.pid);
    expect(await again.call('get', { run: kept.run, path: kept.path })).toMatchObject({ status: 102 });
  });

  it('a server that is stopped and never started again: its commands end with their lifetimes, without it', async () => {
    const client = await live.client();
    const doomed = await running(
      client,
      'doomed',
      { lifetime: '2s' },
      "trap 'echo last words; exit 5' TERM; (setsid sleep 600 &); sleep 600 & wait",
    );
    const inTerminal = await running(client, 'terminal', { lifetime: '2s', tty: true });
    const others = [
      await running(client, 'forever', { lifetime: 'forever' }),
      await running(client, 'hours', { lifetime: '2h' }),
      await running(client, 'server', { lifetime: 'server' }),
    ];
    await live.server.crash();
    await gone(doomed.pid);
    await gone(inTerminal.pid);
    for (const { pid } of others) expect(isAlive(pid)).toBe(true);
    await live.start();
    const again = await live.client();
    const end = await ended(again, doomed.place);
    expect(end).toMatchObject({ status: 500, outcome: 'lifetime', body: expect.stringContaining('exit 5') });
    expect((await readAll(again, doomed.run, doomed.path, 1)).toString()).toBe('last words\n');
    const receipt = await receiptOf(again, doomed.place);
    expect(receipt).toMatchObject({ requestedBy: 'lifetime', escaped: [], reason: expect.stringContaining('lifetime of 2s') });
    expect((receipt['confirmedDead'] as number[]).length).toBeGreaterThanOrEqual(3);
    expect((receipt['signals'] as Params[])[0]).toMatchObject({ signal: 'SIGTERM' });
    expect(await ended(again, inTerminal)).toMatchObject({ status: 500, outcome: 'lifetime' });
    for (const { run, path } of others) expect(await again.call('get', { run, path })).toMatchObject({ status: 102 });
  });

  it('counts from the stop, and again when a server has been there in between', async () => {
    const client = await live.client();
    const place = await running(client, 'ticking', { lifetime: '3s' }, 'while :; do echo; sleep 0.1; done');
    await live.server.crash();
    await until(() => existsSync(join(spool(), 'gone')));
    await live.start();
    const again = await live.client();
    const ticks = async () => (await again.call<{ bytes: number }>('stream/read', { ...place.place, channel: 1, max_bytes: 1 })).bytes;
    // Four seconds of its own time, with a server.
    const before = await ticks();
    await until(async () => (await ticks()) >= before + 40, 40_000);
    expect(isAlive(place.pid)).toBe(true);
    expect(existsSync(join(spool(), 'gone'))).toBe(false);
    await live.closeClients();
    await live.server.stop();
    const stoppedAt = Date.now();
    await gone(place.pid);
    expect(Date.now() - stoppedAt).toBeGreaterThan(2500);
  });

  it('is counted for each data folder by itself', async () => {
    const other = new LiveServer();
    await other.open();
    try {
      const [client, theirs] = [await live.client(), await other.client()];
      const mine = await running(client, 'mine', { lifetime: '1s' });
      const place = await other.accepted(theirs, 'echo $$ > pid.new; mv pid.new pid; sleep 600; :', {}, { lifetime: '1s' });
      await other.written('pid');
      await live.server.crash();
      await gone(mine.pid);
      expect(isAlive(Number(await other.text('pid')))).toBe(true);
      expect(await theirs.call('get', { run: place.run, path: place.path })).toMatchObject({ status: 102 });
    } finally {
      await other.closeClients();
      await other.close();
    }
  });
});

describe('{#lifetime} {#runner_process} a runner of its own process', { timeout: 90_000 }, () => {
  it('ends commands whose time is over while it lives and its server does not, and says so when there is one', async () => {
    const runner = await startRunner(live.server, join(live.data, '..', 'runner'));
    try {
      const client = await live.client();
      const doomed = await running(client, 'doomed', { runner: 'r1', lifetime: '1s' });
      const kept = await running(client, 'kept', { runner: 'r1', lifetime: '1h' });
      const { port } = new URL(live.server.url);
      await live.server.crash();
      await gone(doomed.pid);
      expect(isAlive(kept.pid)).toBe(true);
      live.server = await serve(live.data, ['--port', port]);
      const again = await live.client();
      expect(await ended(again, doomed.place)).toMatchObject({ status: 500, outcome: 'lifetime' });
      expect(await again.call('get', { ...kept.place })).toMatchObject({ status: 102 });
      await again.call('stream/cancel', { ...kept.place });
      await receiptOf(again, kept.place);
    } finally {
      await runner.stop();
    }
  });
});

describe('{#lifetime_warden} the warden', { timeout: 90_000 }, () => {
  it('is one for all commands, of a session of its own, marks nothing, shrugs off hang-ups and leaves when it has nothing to do', async () => {
    const client = await live.client();
    await running(client, 'plain');
    expect(pidIn('warden')).toBeUndefined();
    const counted = [await running(client, 'one', { lifetime: '5s' }), await running(client, 'two', { lifetime: '1h' })];
    const warden = pidIn('warden') ?? 0;
    expect(isAlive(warden)).toBe(true);
    const [, , , group, session] = (await live.processFile(warden, 'stat')).replace(/\(.*\)/, '').split(/ +/);
    expect([Number(group), Number(session)]).toEqual([warden, warden]);
    expect(await live.processFile(warden, 'environ')).not.toMatch(/HEADGATE|TOKEN/);
    const filesOf = (pid: number | 'self') => readdirSync(`/proc/${pid}/fd`).flatMap((fd) => linkOf(`/proc/${pid}/fd/${fd}`));
    // What this suite was started with itself, the server hands on to everybody.
    const known = ['/dev/null', ...filesOf('self')];
    expect(filesOf(warden).filter((file) => !known.includes(file) && !/\/producers\/warden-\w+\.sh$/.test(file))).toEqual([]);
    for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM', 'SIGQUIT', 'SIGCONT'] as const) process.kill(warden, signal);
    for (const place of counted) {
      await client.call('stream/cancel', { run: place.run, path: place.path });
      const receipt = await receiptOf(client, place.place);
      expect(receipt['confirmedDead']).not.toContain(warden);
    }
    expect(isAlive(warden)).toBe(true);
    await gone(warden);
    expect(pidIn('warden')).toBeUndefined();
    await running(client, 'three', { lifetime: '1h' });
    expect(pidIn('warden')).not.toBe(warden);
  });

  it('is started again when it was killed, by the server and by the next one, and does its work', async () => {
    const client = await live.client();
    const place = await running(client, 'place', { lifetime: '10s' });
    const first = pidIn('warden') ?? 0;
    process.kill(first, 'SIGKILL');
    await until(() => ![undefined, first].includes(pidIn('warden')));
    const second = pidIn('warden') ?? 0;
    await live.server.crash();
    process.kill(second, 'SIGKILL');
    await gone(second);
    await live.start();
    const third = pidIn('warden') ?? 0;
    expect([first, second]).not.toContain(third);
    expect(isAlive(place.pid)).toBe(true);
    await live.server.crash();
    await gone(place.pid);
    await gone(third);
  });
});

describe('{#stream_cancel_all} {#cli_stop} {#lifetime_shown} commands and the end of the server', { timeout: 90_000 }, () => {
  const headgate = (...args: string[]) => cli(args, { cwd: live.root, data: live.data });

  it('headgate stop says what goes on and for how long, ps and doctor show it without a server, stop --kill ends it', async () => {
    const client = await live.client();
    const kept = await running(client, 'kept');
    const counted = await running(client, 'counted', { lifetime: '24h' });
    await running(client, 'ending', { lifetime: 'server' });
    const said = await headgate('stop');
    expect(said).toMatchObject({ code: 0, out: expect.stringContaining('2 commands go on: 1 for ever, 1 for 24h without a server') });
    const table = await headgate('ps');
    expect(table).toMatchObject({ code: 3, err: expect.stringMatching(/no server is running.*2 commands go on without one for /) });
    expect(table.out).toContain(counted.path);
    const before = Date.now();
    const listed = await headgate('ps', '--json');
    const rows = JSON.parse(listed.out) as Params[];
    expect(rows).toMatchObject([
      { run: kept.run, path: kept.path, project: 'test', backend: 'process', lifetime: 'forever', until: null },
      { run: counted.run, path: counted.path, lifetime: '24h' },
    ]);
    const { since, until: end } = rows[1] as { since: number; until: number };
    expect(end - since).toBe(24 * 3600_000);
    expect(since).toBeLessThanOrEqual(before);
    expect((await headgate('doctor')).out).toMatch(new RegExp(`running .*${counted.path}.* is ended at 20`));
    const killed = await headgate('stop', '--kill', '--json');
    expect(killed.code).toBe(0);
    const { ended: receipts, ...rest } = JSON.parse(killed.out) as { ended: { receipt: { confirmedDead: number[] } }[] };
    expect(rest).toEqual({ data: live.data, pid: null });
    expect(receipts.map(({ receipt }) => receipt.confirmedDead)).toEqual([
      expect.arrayContaining([kept.pid]),
      expect.arrayContaining([counted.pid]),
    ]);
    expect([kept, counted].map(({ pid }) => isAlive(pid))).toEqual([false, false]);
    expect(await headgate('stop', '--kill')).toMatchObject({ code: 3 });
    await live.start();
    expect(await ended(await live.client(), kept)).toMatchObject({ status: 499, outcome: 'cancelled' });
  });

  it('headgate stop --kill ends the commands of every project while clients are told, then the server', async () => {
    const client = await live.client();
    const places = [await running(client, 'one'), await running(client, 'two', {}, "trap '' TERM; sleep 600")];
    const shell = cli(['sh', '--', 'echo here; sleep 600'], { cwd: live.root, data: live.data });
    await until(async () => (await headgate('ps')).out.includes('sleep 600'));
    const exit = once(live.server.process, 'exit');
    const killed = await headgate('stop', '--kill');
    expect(await exit).toEqual([0, null]);
    expect(killed).toMatchObject({ code: 0, out: expect.stringContaining('3 commands ended') });
    for (const { path, pid } of places) {
      expect(killed.out).toContain(path);
      expect(isAlive(pid)).toBe(false);
    }
    expect(await shell).toMatchObject({ out: 'here\n', err: expect.not.stringContaining('connection to the server lost') });
    expect(await headgate('ps')).toMatchObject({ code: 3, out: '' });
  });

  it('headgate stop --kill ends what an ended command has left running, also where no server runs', async () => {
    const client = await live.client();
    const place = await live.accepted(client, 'sleep 600 & echo $! > pid.new; mv pid.new pid');
    expect(await ended(client, place)).toMatchObject({ status: 200 });
    const pid = Number(await live.text('pid'));
    await live.server.stop();
    expect((await headgate('ps', '--json')).out).toContain('sleep 600');
    expect(isAlive(pid)).toBe(true);
    expect(await headgate('stop', '--kill')).toMatchObject({ code: 0, out: expect.stringContaining('1 command ended') });
    expect(isAlive(pid)).toBe(false);
  });

  it('stream/cancelAll is for operators', async () => {
    const client = await live.client();
    const { token } = await client.call<{ token: string }>('token/add', { name: 'runs', scope: 'run' });
    const other = await WireClient.connect({ ...live.server, token }, live.root);
    await expect(other.call('stream/cancelAll', {})).rejects.toMatchObject({ data: { name: 'forbidden' } });
    await other.close();
    expect(await client.call('stream/cancelAll', {})).toEqual([]);
  });
});
