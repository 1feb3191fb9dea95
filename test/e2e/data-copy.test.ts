import { spawnSync } from 'node:child_process';
import { lstatSync, readdirSync, readFileSync, realpathSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type BuiltServer, endCommands, type Params, readAll, serve, WireClient } from '../support/built-server.ts';
import { cli } from '../support/cli.ts';
import { ended, liveServer, type Place, stored } from '../support/live-server.ts';

const live = liveServer();
const opened: BuiltServer[] = [];
let count = 0;

/** cp of the data folder, with what `cp` is told. */
function copyData(how = '-a', from = live.data): string {
  const to = join(dirname(live.data), `copy-${++count}`);
  const { status, stderr } = spawnSync('cp', [how, from, to], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return to;
}

/** A server on a copy, and a client of it. */
async function open(data: string): Promise<{ server: BuiltServer; client: WireClient }> {
  const server = await serve(data);
  opened.push(server);
  const client = await WireClient.connect(server, live.root, 'test');
  live.clients.push(client);
  return { server, client };
}

afterEach(async () => {
  for (const server of opened.splice(0)) {
    if (server.process.signalCode === null && server.process.exitCode === null) await endCommands(server, live.root);
    await server.stop();
  }
});

/** Lines, one every 5 ms, until the file is there; a child in a session of its own that writes how it goes; and an exit code. */
const ticks = (name: string) =>
  `(setsid sh -c 'while [ ! -e ${name} ]; do sleep 0.01; done; echo child > ${name}-child' &) ; i=0; while [ ! -e ${name} ]; do i=$((i+1)); echo tick $i; sleep 0.005; done; echo $i > ${name}-ticks; exit 7`;
const counted = (name: string) => {
  const last = Number(readFileSync(join(live.root, `${name}-ticks`), 'utf8'));
  return Array.from({ length: last }, (_, i) => `tick ${i + 1}\n`).join('');
};
const go = (name: string) => writeFileSync(join(live.root, name), '');
const output = async (client: WireClient, place: Place) => (await readAll(client, place.run, place.path, 1)).toString();
const entry = (client: WireClient, place: Place) => client.call<{ status: number; outcome: string; body: string }>('get', { ...place });

/** The command has gone on undisturbed, and ends as it wants. */
async function finished(client: WireClient, place: Place, name: string): Promise<void> {
  go(name);
  expect(await ended(client, place)).toMatchObject({ status: 500, outcome: 'exit:7' });
  await live.written(`${name}-child`);
  expect(await output(client, place)).toBe(counted(name));
}

describe('{#data_copy} a copy of a data folder', () => {
  it('of a server that runs takes nothing up, says what it is, and reaches nobody', async () => {
    const client = await live.client();
    const place = await live.accepted(client, ticks('running'));
    await stored(client, place, 200);
    const waits = await live.proposed(client, 'echo accepted in the copy');
    const data = copyData();
    const original = realpathSync(live.data);

    // Before it is opened: the record of the original's server is no way to it.
    const lost = await cli(['ps', '--data', data], { cwd: live.root });
    expect(lost).toMatchObject({ code: 3 });
    expect(lost.err).toContain('no server is running');
    expect((await cli(['stop', '--data', data], { cwd: live.root })).code).toBe(3);
    const seen = await cli(['doctor', '--repair', '--json', '--data', data], { cwd: live.root });
    expect(JSON.parse(seen.out)).toMatchObject({
      checks: expect.arrayContaining([{ name: 'copy', state: 'note', detail: expect.stringContaining(original) }]),
    });

    const copy = await open(data);
    expect(copy.server.log()).toContain(`is a copy of ${original}`);
    const there = await entry(copy.client, place);
    expect(there).toMatchObject({ status: 500, outcome: 'lost' });
    expect(there.body).toContain(original);
    expect(await copy.client.call('stream/cancel', { ...place, grace_ms: 0 })).toMatchObject({ terminal_status: 500 });
    await expect(copy.client.call('stream/signal', { ...place, signal: 'KILL' })).rejects.toMatchObject({
      data: { name: 'stream_closed' },
    });
    expect(await copy.client.call('stream/list', { state: 'live' })).toEqual([]);

    // It works as a folder of its own, over a kill -9 too.
    await copy.client.call('run/resolve', { run: waits.run, resolution: { path: waits.path, action: 'accept' } });
    expect(await ended(copy.client, waits)).toMatchObject({ status: 200 });
    expect(await output(copy.client, waits)).toBe('accepted in the copy\n');
    await copy.server.crash();
    const again = await open(data);
    expect(again.server.log()).not.toContain('is a copy of');
    expect(await entry(again.client, place)).toMatchObject({ status: 500, outcome: 'lost' });
    await again.server.stop();
    const later = await cli(['doctor', '--json', '--data', data], { cwd: live.root });
    expect(later.out).toContain(`was a copy of ${original}`);

    expect(await client.call('getProposals', { run: waits.run })).toMatchObject([{ path: waits.path, status: 202 }]);
    await finished(client, place, 'running');
  });

  it('of a server that was killed leaves the commands to the original, which takes them up', async () => {
    const client = await live.client();
    const place = await live.accepted(client, ticks('killed'));
    const cancelled = await live.accepted(client, ticks('cancelled'));
    await stored(client, place, 200);
    await live.server.crash();
    const data = copyData();
    const copy = await open(data);
    expect(await entry(copy.client, cancelled)).toMatchObject({ status: 500, outcome: 'lost' });
    expect(await copy.client.call('stream/cancel', { ...place })).toMatchObject({ terminal_status: 500 });
    await copy.server.crash();
    await live.start();
    const next = await live.client();
    await finished(next, place, 'killed');
    await finished(next, cancelled, 'cancelled');
  });

  it('in the place of the original is a copy, and the original goes on where it was moved to', async () => {
    const client = await live.client();
    const place = await live.accepted(client, ticks('replaced'));
    await stored(client, place, 200);
    await live.server.stop();
    const aside = `${live.data}-aside`;
    renameSync(live.data, aside);
    expect(spawnSync('cp', ['-a', aside, live.data]).status).toBe(0);
    const copy = await open(live.data);
    expect(copy.server.log()).toContain('is a copy of');
    expect(await entry(copy.client, place)).toMatchObject({ status: 500, outcome: 'lost' });
    await copy.server.stop();
    rmSync(live.data, { recursive: true });
    renameSync(aside, live.data);
    await live.start();
    expect(live.server.log()).not.toContain('copy');
    await finished(await live.client(), place, 'replaced');
  });

  it('whose spool is a link to that of the original leaves it alone', async () => {
    const client = await live.client();
    const place = await live.accepted(client, ticks('linked'));
    await stored(client, place, 200);
    const data = copyData();
    const spool = realpathSync(join(live.data, 'producers'));
    rmSync(join(data, 'producers'), { recursive: true });
    symlinkSync(spool, join(data, 'producers'));
    // Without the spare, which comes and goes as the original likes.
    const inSpool = () => readdirSync(spool).filter((name) => !name.startsWith('.'));
    const before = inSpool();
    const { server } = await open(data);
    await server.stop();
    expect(lstatSync(join(data, 'producers')).isSymbolicLink()).toBe(false);
    expect(inSpool()).toEqual(before);
    await finished(client, place, 'linked');
  });

  it('of hard links is refused: it would write into the original', async () => {
    const client = await live.client();
    const place = await live.accepted(client, ticks('hard'));
    await stored(client, place, 200);
    await live.server.stop();
    const data = copyData('-al');
    await expect(serve(data)).rejects.toThrow(/is a hard link.*cp -a/s);
    rmSync(data, { recursive: true });
    await live.start();
    await finished(await live.client(), place, 'hard');
  });

  it('ends the loops that were at work there, and keeps what waits for an answer', async () => {
    const client = await live.client();
    const { run } = await client.call<{ run: string }>('startRun', { model: 'scripted' });
    await client.call('act', { run, prompt: `sh: ${ticks('loop')}`, model: 'scripted' });
    await client.notice('run/proposal', (params) => params['run'] === run);
    const [waits] = await client.call<{ path: string }[]>('getProposals', { run });
    const asking = await open(copyData());
    expect(await asking.client.call('getProposals', { run })).toMatchObject([{ path: waits!.path, status: 202 }]);
    expect(await asking.client.call<Params>('getRun', { run })).toMatchObject({ status: 202 });
    await client.call('run/resolve', { run, resolution: { path: waits!.path, action: 'accept' } });
    await stored(client, { run, path: waits!.path }, 100);
    const working = await open(copyData());
    expect(await working.client.call<Params>('getRun', { run })).toMatchObject({ status: 499 });
    expect(await entry(working.client, { run, path: waits!.path })).toMatchObject({ status: 500, outcome: 'lost' });
    await finished(client, { run, path: waits!.path }, 'loop');
  });
});

describe('{#data_copy} a data folder that was moved', () => {
  it('is itself: what runs is followed there, and can be ended', async () => {
    const client = await live.client();
    const followed = await live.accepted(client, ticks('followed'));
    const linked = await live.accepted(client, ticks('linked-back'));
    const killed = await live.accepted(client, 'trap "" TERM; echo up; while :; do sleep 0.05; done');
    await stored(client, followed, 100);
    await stored(client, killed, 3);
    await live.server.stop();
    const moved = `${live.data}-moved`;
    renameSync(live.data, moved);
    const { server, client: next } = await open(moved);
    expect(server.log()).toContain('has been moved');
    expect(server.log()).not.toContain('is a copy');
    const { channels } = (await next.call<{ path: string; channels: { bytes: number }[] }[]>('stream/list', { run: followed.run }))[0]!;
    await stored(next, followed, channels[0]!.bytes + 100);
    await next.call('stream/cancel', { ...killed, grace_ms: 50 });
    expect(await ended(next, killed)).toMatchObject({ status: 499 });
    // A shim writes how it ended where the folder was: into it, while a link stands there. One that was a spare finds it.
    go('followed');
    const { status, outcome } = await ended(next, followed);
    expect([status, outcome]).toEqual([500, expect.stringMatching(/^(lost|exit:7)$/)]);
    expect(await output(next, followed)).toBe(counted('followed'));
    symlinkSync(moved, live.data);
    await finished(next, linked, 'linked-back');
    rmSync(live.data);
    await server.stop();
    renameSync(moved, live.data);
    await live.start();
  });
});
