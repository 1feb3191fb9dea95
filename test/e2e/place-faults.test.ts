import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { RpcClient } from '../../src/rpc/client/index.ts';
import { connectUnixSocket } from '../../src/rpc/node/unix-socket.ts';
import { type BuiltServer, readAll, serve, type WireClient } from '../support/built-server.ts';
import { ended, liveServer, type Place, stored } from '../support/live-server.ts';
import { NEEDS, PLACES, type PlaceName, Places } from '../support/places.ts';
import { serviceAvailable } from '../support/require.ts';
import { startRunner } from '../support/runner.ts';
import { Network } from '../support/services/netns.ts';
import { Sshd } from '../support/services/sshd.ts';
import { tempFolder } from '../support/temp-store.ts';

let places: Places;

beforeAll(async () => {
  places = await Places.open({ liveRestore: true });
}, 60_000);
afterAll(async () => {
  await places?.close();
}, 60_000);
/** Closed before the places are: its commands end in them. */
const live = liveServer();

const HALF = 100_000;
const digest = (bytes: Buffer | string) => createHash('sha256').update(bytes).digest('hex');
const numbers = (upTo: number) => Array.from({ length: upTo }, (_, i) => `${i + 1}\n`).join('');
/** What was written, with the line ends of a pipe. */
const plain = (bytes: Buffer) => bytes.toString('latin1').replaceAll('\r\n', '\n');

let count = 0;

/** A command that says half of what it has to say, waits, and says the rest; it notes every run of itself. */
async function halfway(client: WireClient, name: PlaceName, more: Record<string, unknown> = {}) {
  const id = join(places.folder, `half-${name}-${++count}`);
  const command = `echo ran >> ${id}-runs; seq 1 ${HALF}; while [ ! -e ${id}-go ]; do sleep 0.05; done; seq ${HALF + 1} ${2 * HALF}; : > ${id}-done; exit 6`;
  const place = await live.accepted(client, command, {}, { ...places.params(name), ...more });
  return { place, id, go: () => writeFileSync(`${id}-go`, '') };
}

/** It ran once, its exit code is there, and every byte of its output, once. */
async function expectWhole(client: WireClient, { place, id }: { place: Place; id: string }): Promise<void> {
  expect(await ended(client, place)).toMatchObject({ status: 500, outcome: 'exit:6' });
  expect(digest(plain(await readAll(client, place.run, place.path, 1)))).toBe(digest(numbers(2 * HALF)));
  expect(readFileSync(`${id}-runs`, 'utf8')).toBe('ran\n');
}

describe.each(PLACES)('{#restart} {#adopt} a command in %s', (name) => {
  const here = serviceAvailable(NEEDS[name]);

  it.skipIf(!here)(
    'lives through kill -9 of the server, twice, and is there once, whole, with its exit code',
    async () => {
      const client = await live.client();
      const half = await halfway(client, name);
      await stored(client, half.place, 1);
      await live.crashAndStart();
      await live.crashAndStart();
      half.go();
      await expectWhole(await live.client(), half);
    },
    60_000,
  );

  it.skipIf(!here)(
    'that ended while no server was there is found with its output and its exit code',
    async () => {
      const client = await live.client();
      const half = await halfway(client, name);
      await stored(client, half.place, 1);
      await live.server.crash();
      half.go();
      await vi.waitUntil(() => existsSync(`${half.id}-done`), { timeout: 20_000, interval: 20 });
      await live.start();
      await expectWhole(await live.client(), half);
    },
    60_000,
  );
});

describe.skipIf(!serviceAvailable('sshd'))('{#backend_ssh} a command over SSH', () => {
  it('goes on when the sessions of sshd are killed, and when sshd itself is, and is whole', async () => {
    const client = await live.client();
    const half = await halfway(client, 'ssh');
    await stored(client, half.place, 1);
    places.sshd.killSessions();
    await stored(client, half.place, numbers(HALF).length);
    await places.sshd.kill();
    half.go();
    await places.sshd.up();
    await expectWhole(client, half);
  }, 60_000);
});

describe.skipIf(!serviceAvailable('docker'))('{#backend_container} with live-restore', () => {
  it.each(['image', 'exec'] as const)(
    'a command in %s goes on while dockerd is killed and started again, and is whole',
    async (name) => {
      const client = await live.client();
      const half = await halfway(client, name);
      await stored(client, half.place, 1);
      await places.docker.crash();
      half.go();
      await places.docker.start();
      await expectWhole(client, half);
    },
    60_000,
  );
});

describe.skipIf(!serviceAvailable('docker'))('{#backend_container} without live-restore', () => {
  it('commands end with their containers, by name, and what they had written is there', async () => {
    const mortal = await Places.open({ only: ['image'] });
    const saved = places;
    places = mortal;
    try {
      const client = await live.client();
      const halves = [];
      for (const name of ['image', 'exec'] as const) halves.push(await halfway(client, name));
      for (const { place } of halves) await stored(client, place, 1);
      await mortal.docker.crash();
      await mortal.docker.start();
      // Of a container of ours the daemon's signal is the command's; another one's end is not that of the command.
      const outcomes = [/^signal:SIG(TERM|KILL)$/, /^container_stopped$/];
      for (const { place } of halves) {
        const end = await ended(client, place);
        expect([end.status, end.outcome]).toEqual([500, expect.stringMatching(outcomes.shift() ?? '')]);
        expect(digest(await readAll(client, place.run, place.path, 1))).toBe(digest(numbers(HALF)));
      }
      expect(await client.call('stream/list', { state: 'live' })).toEqual([]);
    } finally {
      places = saved;
      await mortal.close();
    }
  }, 120_000);
});

describe.skipIf(!serviceAvailable('docker') || !serviceAvailable('sshd'))('{#places} containers of an SSH host', () => {
  it.each(['image', 'exec'] as const)(
    'a command in %s goes on over kill -9 of the server and of sshd, and is whole',
    async (name) => {
      const client = await live.client();
      const half = await halfway(client, name, { ssh: places.sshd.place() });
      await stored(client, half.place, 1);
      places.sshd.killSessions();
      await live.crashAndStart();
      half.go();
      await expectWhole(await live.client(), half);
    },
    60_000,
  );
});

describe('{#runner_process} on a remote runner', () => {
  it.each(['image', 'ssh'] as const)(
    'a command in %s goes on over kill -9 of the runner, and is whole',
    async (name) => {
      if (!serviceAvailable(NEEDS[name])) return;
      const data = join(places.folder, `runner-${name}`);
      const args = ['--name', `runs-${name}`];
      let runner = await startRunner(live.server, data, args);
      try {
        const client = await live.client();
        const half = await halfway(client, name, { runner: `name:runs-${name}` });
        await stored(client, half.place, 1);
        await runner.crash();
        half.go();
        runner = await startRunner(live.server, data, args);
        await expectWhole(client, half);
      } finally {
        await runner.stop();
      }
    },
    60_000,
  );
});

describe.skipIf(!serviceAvailable('sshd') || !serviceAvailable('netns'))(
  '{#backend_ssh} {#exactly_once} an SSH host off the network',
  () => {
    it('for 30 s while a command writes: no line is lost and none comes twice', async () => {
      const network = new Network();
      const machine = network.host();
      const address = machine.serverAddress.replace(/1$/, '2');
      const sshd = await Sshd.start([`ListenAddress ${address}`], machine.prefix);
      const { folder, remove } = await tempFolder();
      let server: BuiltServer | undefined;
      try {
        sshd.know(`[${address}]:${sshd.port} ${readFileSync(join(sshd.folder, 'host.pub'), 'utf8').trim()}`);
        server = await serve(join(folder, 'data'), [], {}, network.prefix);
        // The file system is shared, the network is not: the server is reached over its unix socket.
        const client = new RpcClient(await connectUnixSocket(server.socket));
        await client.call('init', { name: 'test', projectRoot: folder });
        const { run } = await client.call('startRun', { model: 'scripted' });
        const command = 'i=0; while [ $i -lt 400 ]; do i=$((i+1)); echo "line $i of $$"; sleep 0.1; done; exit 7';
        const { path } = await client.call('sh', { run, command, ssh: sshd.place({ host: address }) });
        const received: Buffer[] = [];
        let at = 0;
        client.on('stream/chunk', (chunk) => {
          if (chunk.offset !== at) throw new Error(`expected offset ${at}, got ${chunk.offset}`);
          received.push(Buffer.from(chunk.chunk, chunk.encoding));
          at += received.at(-1)?.length ?? 0;
        });
        const end = new Promise<unknown>((resolve) => {
          client.on('stream/ended', (one) => one.subscription !== undefined && resolve(one));
        });
        await client.call('run/resolve', { run, resolution: { path, action: 'accept' } });
        await client.call('stream/subscribe', { run, path, channel: 1 });
        await vi.waitUntil(() => Buffer.concat(received).includes('line 20 '), { timeout: 20_000 });
        machine.unplug();
        await delay(1000);
        const before = at;
        await delay(29_000);
        expect(at).toBe(before);
        machine.plugIn();
        expect(await end).toMatchObject({ status: 500, exit_code: 7 });
        const text = Buffer.concat(received).toString();
        const pid = /of (\d+)/.exec(text)?.[1];
        expect(text).toBe(Array.from({ length: 400 }, (_, i) => `line ${i + 1} of ${pid}\n`).join(''));
        client.close();
      } finally {
        await server?.stop();
        await sshd.stop();
        network.close();
        await remove();
      }
    }, 150_000);
  },
);
