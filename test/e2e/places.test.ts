import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Params, processesWith, serve, WireClient } from '../support/built-server.ts';
import { type CliResult, cli, type RunningCli, startCli } from '../support/cli.ts';
import { ended, liveServer, receiptOf, stored } from '../support/live-server.ts';
import { isTerminal, NEEDS, PLACES, type PlaceName, Places } from '../support/places.ts';
import { type Service, serviceAvailable } from '../support/require.ts';
import { BUSYBOX } from '../support/services/dockerd.ts';

let places: Places;

beforeAll(async () => {
  places = await Places.open();
}, 20_000);
afterAll(async () => {
  await places?.close();
}, 20_000);
/** Closed before the places are: its commands end in them. */
const live = liveServer();

const hg = (args: string[]): Promise<CliResult> => cli(args, { cwd: live.root, data: live.data });
const start = (args: string[]): RunningCli => startCli(args, { cwd: live.root, data: live.data });
/** A connection to the project that `headgate` has in this folder: its name is that of the folder. */
async function sameProject(): Promise<WireClient> {
  const client = await WireClient.connect(live.server);
  live.clients.push(client);
  await client.call('init', { name: basename(live.root), projectRoot: live.root, client: { name: 'witness' } });
  return client;
}
/** What a client prints, with the line ends of a pipe. */
const plain = (text: string) => text.replaceAll('\r\n', '\n');

/** Waits until a place is as it was before. */
async function expectClean(name: PlaceName): Promise<void> {
  let left: string[] = [];
  await vi
    .waitUntil(
      async () => {
        left = await places.remains(name, live);
        return left.length === 0;
      },
      { timeout: 15_000, interval: 50 },
    )
    .catch(() => {});
  expect(left).toEqual([]);
}

describe.each(PLACES)('{#places} headgate sh in %s', (name) => {
  const here = serviceAvailable(NEEDS[name]);

  it.skipIf(!here)(
    'shows a line before the command has ended, takes input, and passes the exit code on',
    async () => {
      const go = join(places.folder, `go-${name}`);
      const script = `echo first; while [ ! -e ${go} ]; do sleep 0.05; done; echo second; exit 7`;
      const running = start(['sh', '--run', `live-${name}`, '--no-stdin', ...places.options(name), '--', script]);
      await running.until('first');
      expect(running.process.exitCode).toBe(null);
      writeFileSync(go, '');
      const { code, out, err } = await running.ended;
      expect({ code, out: plain(out), err }).toEqual({ code: 7, out: 'first\nsecond\n', err: '' });
      const piped = await cli(['sh', ...places.options(name), '--', 'read line; echo "got $line"'], {
        cwd: live.root,
        data: live.data,
        input: 'a line\n',
      });
      expect(piped).toMatchObject({ code: 0, err: '' });
      expect(plain(piped.out)).toContain('got a line\n');
      if (!isTerminal(name)) {
        const apart = await hg(['sh', ...places.options(name), '--', 'echo out; echo err >&2; exit 3']);
        expect(apart).toMatchObject({ code: 3, out: 'out\n', err: 'err\n' });
      }
      const killed = await hg(['sh', ...places.options(name), '--', 'kill -9 $$']);
      expect(killed.code).toBe(137);
      await expectClean(name);
    },
    20_000,
  );

  it.skipIf(!here)(
    '{#stream_cancel} {#receipt} ends with a cancel of another client, of which everyone is told and nothing is left',
    async () => {
      const mark = `mark-${randomUUID()}`;
      const witness = await sameProject();
      const run = `cancel-${name}`;
      const script = `trap 'echo bye; exit 0' TERM; sleep 300 & echo "up $$ $!"; while :; do sleep 0.05; done`;
      const running = start(['sh', '--run', run, '--no-stdin', ...places.options(name), '--env', `MARK=${mark}`, '--', script]);
      await running.until('up ');
      expect((await processesWith(`MARK=${mark}`)).length).toBeGreaterThanOrEqual(3);
      const cancel = await hg(['cancel', run, '--reason', 'wrong branch', '--grace', '2s']);
      expect(cancel).toMatchObject({ code: 0, err: '' });
      const { code, err, out } = await running.ended;
      expect([code, err]).toEqual([130, expect.stringMatching(/^headgate: cancelled by cli:\d+: wrong branch\n$/)]);
      expect(await witness.notice('stream/cancelled', (one) => one['run'] === run)).toMatchObject({ reason: 'wrong branch' });
      const told = await witness.notice('stream/ended', (one) => one['run'] === run);
      expect(told).toMatchObject({ status: 499 });
      const receipt = await receiptOf(witness, { run, path: told['path'] as string });
      expect(receipt).toMatchObject({ requestedBy: expect.stringMatching(/^cli:\d+$/), reason: 'wrong branch', escaped: [] });
      const signals = receipt['signals'] as Params[];
      expect(signals[0]).toMatchObject({ signal: 'SIGTERM' });
      const [, shell, child] = /up (\d+) (\d+)/.exec(out) ?? [];
      expect(receipt['confirmedDead']).toEqual(expect.arrayContaining([Number(shell), Number(child)]));
      expect((await processesWith(`MARK=${mark}`)).filter((line) => !line.includes('headgate'))).toEqual([]);
      await expectClean(name);
    },
    20_000,
  );
});

describe('{#backends} what cannot be run somewhere', () => {
  const missing = () => join(places.folder, 'no', 'such', 'sock');
  const host = () => ['--host', `root@127.0.0.1:${places.sshd.port}`];
  const cases: readonly (readonly [what: string, needs: Service, options: () => string[], outcome: string, advice: RegExp])[] = [
    [
      'no container engine',
      'busybox',
      () => ['--image', BUSYBOX, '--docker', `unix://${missing()}`],
      'engine_unreachable',
      /systemctl start docker/,
    ],
    [
      'no such image',
      'docker',
      () => ['--image', 'none:1', '--pull', 'never', '--docker', places.docker.host],
      'image_missing',
      /docker pull/,
    ],
    [
      'an image that cannot be pulled',
      'docker',
      () => ['--image', '127.0.0.1:1/none:1', '--docker', places.docker.host],
      'pull_failed',
      /docker load/,
    ],
    ['no such container', 'docker', () => ['--container', 'nowhere', '--docker', places.docker.host], 'container_missing', /docker ps/],
    [
      'the name of a container that is there',
      'docker',
      () => ['--image', BUSYBOX, '--name', places.container, '--docker', places.docker.host],
      'name_taken',
      /choose another name/,
    ],
    ['no such folder in an image', 'docker', () => [...places.options('image'), '--cwd', '/no/such'], 'cwd_missing', /name another one/],
    ['no such folder in a container', 'docker', () => [...places.options('exec'), '--cwd', '/no/such'], 'cwd_missing', /name another one/],
    [
      'a host whose key is not known',
      'sshd',
      () => [...host(), '--identity', places.sshd.key, '--known-hosts', '/dev/null'],
      'host_key_unknown',
      /ssh-keyscan -p \d+ 127\.0\.0\.1/,
    ],
    [
      'a key that the host does not accept',
      'sshd',
      () => [...host(), '--identity', places.sshd.strangerKey, '--known-hosts', places.sshd.knownHosts],
      'auth_failed',
      /authorized_keys/,
    ],
    [
      'a host where nothing listens',
      'sshd',
      () => ['--host', '127.0.0.1:1', '--identity', places.sshd.key, '--known-hosts', places.sshd.knownHosts],
      'refused',
      /is sshd running there/,
    ],
    ['no such folder on a host', 'sshd', () => [...places.options('ssh'), '--cwd', '/no/such'], 'cwd_missing', /name another one/],
    ['a tmux server that cannot be made', 'tmux', () => ['--tmux', '--tmux-socket', missing()], 'tmux_unreachable', /check tmux\.socket/],
  ];

  it.each(cases)('%s: is said with what to do, and nothing waits or is left', async (what, needs, options, outcome, advice) => {
    if (!serviceAvailable(needs)) return;
    const run = what.replaceAll(' ', '-');
    const { code, out, err } = await hg(['sh', '--run', run, ...options(), '--', 'echo ran']);
    expect([code, out]).toEqual([1, '']);
    const told = err.trimEnd().split('\n').at(-1);
    expect(told).toMatch(new RegExp(`^headgate: ${outcome}: `));
    expect(told).toMatch(advice);
    const client = await sameProject();
    expect(await client.call('stream/list', { run, state: 'live' })).toEqual([]);
    const entries = await client.call<{ status: number; outcome: string; path: string }[]>('getEntries', { run });
    expect(entries.map((entry) => entry.status)).toEqual(entries.map(() => 500));
    const log = entries.find(({ path }) => path.startsWith('log://'));
    expect(log).toMatchObject({ outcome, body: expect.stringMatching(advice) });
    if (needs === 'docker') await expectClean('image');
    if (needs === 'sshd') await expectClean('ssh');
  });

  it.skipIf(!serviceAvailable('tmux') || !serviceAvailable('mount'))('no tmux: is said with how to get it', async () => {
    const data = join(places.folder, 'bare');
    const hidden = 'mount --bind /dev/null "$(readlink -f "$(command -v tmux)")" && exec "$@"';
    const bare = await serve(data, [], {}, ['unshare', '-m', 'sh', '-c', hidden, 'sh']);
    try {
      const { code, err } = await cli(['sh', '--tmux', '--', 'true'], { cwd: live.root, data });
      expect([code, err]).toEqual([1, expect.stringMatching(/^headgate: .*install tmux|apt-get install tmux/)]);
      expect(JSON.parse((await cli(['ps', '--json'], { cwd: live.root, data })).out)).toEqual([]);
    } finally {
      await bare.stop();
    }
  });

  it.each(PLACES)('in %s: a size for pipes and a signal that does not exist are refused by name, and the command goes on', async (name) => {
    if (!serviceAvailable(NEEDS[name])) return;
    const client = await live.client();
    const place = await live.accepted(client, 'echo up; read line; echo "$line"; exit 6', {}, { ...places.params(name), stdin: true });
    await stored(client, place, 3);
    const refused = client.call('stream/signal', { ...place, signal: 'SIGNONE' });
    await expect(refused).rejects.toMatchObject({ data: { name: 'invalid_params' } });
    await expect(refused).rejects.toThrow(/SIGNONE/);
    if (!isTerminal(name)) {
      const resized = client.call('stream/resize', { ...place, cols: 100, rows: 30 });
      await expect(resized).rejects.toMatchObject({ data: { name: 'unsupported' } });
      await expect(resized).rejects.toThrow(/no terminal/);
    }
    await client.call('stream/input', { ...place, chunk: 'on\n' });
    expect(await ended(client, place)).toMatchObject({ status: 500, outcome: 'exit:6' });
    await expectClean(name);
  });
});
