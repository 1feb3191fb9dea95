import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { readAll, type WireClient } from '../support/built-server.ts';
import { ended, liveServer, type Place, stored } from '../support/live-server.ts';
import { NEEDS, PLACES, type PlaceName, Places } from '../support/places.ts';
import { serviceAvailable } from '../support/require.ts';

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

  it.skipIf(!here)('lives through kill -9 of the server, twice, and is there once, whole, with its exit code', async () => {
    const client = await live.client();
    const half = await halfway(client, name);
    await stored(client, half.place, 1);
    await live.crashAndStart();
    await live.crashAndStart();
    half.go();
    await expectWhole(await live.client(), half);
  }, 60_000);

  it.skipIf(!here)('that ended while no server was there is found with its output and its exit code', async () => {
    const client = await live.client();
    const half = await halfway(client, name);
    await stored(client, half.place, 1);
    await live.server.crash();
    half.go();
    await vi.waitUntil(() => existsSync(`${half.id}-done`), { timeout: 20_000, interval: 20 });
    await live.start();
    await expectWhole(await live.client(), half);
  }, 60_000);
});

describe.skipIf(!serviceAvailable('sshd'))('{#backend_ssh} a command over SSH', () => {
  it("goes on when the sessions of sshd are killed, and when sshd itself is, and is whole", async () => {
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
  it.each(['image', 'exec'] as const)('a command in %s goes on while dockerd is killed and started again, and is whole', async (name) => {
    const client = await live.client();
    const half = await halfway(client, name);
    await stored(client, half.place, 1);
    await places.docker.crash();
    half.go();
    await places.docker.start();
    await expectWhole(client, half);
  }, 60_000);
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
      for (const { place } of halves) {
        const end = await ended(client, place);
        expect([end.status, end.outcome]).toEqual([500, expect.stringMatching(/^(container_stopped|exit:137|signal:SIGKILL)$/)]);
        expect(digest(await readAll(client, place.run, place.path, 1))).toBe(digest(numbers(HALF)));
      }
      expect(await client.call('stream/list', { state: 'live' })).toEqual([]);
    } finally {
      places = saved;
      await mortal.close();
    }
  }, 120_000);
});
