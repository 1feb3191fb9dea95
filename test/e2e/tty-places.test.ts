import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readAll } from '../support/built-server.ts';
import { liveServer } from '../support/live-server.ts';
import { NEEDS, type PlaceName, Places } from '../support/places.ts';
import { serviceAvailable } from '../support/require.ts';
import { TtyClient } from '../support/tty-client.ts';

const PLAIN = fileURLToPath(new URL('fixtures/plain-tty.mjs', import.meta.url));
const NAMES = ['image', 'exec', 'ssh'] as const satisfies readonly PlaceName[];

let places: Places;

beforeAll(async () => {
  places = await Places.open({ only: NAMES });
}, 60_000);
afterAll(async () => {
  await places?.close();
}, 60_000);
/** Closed before the places are: its commands end in them. */
const live = liveServer();

/** The first message of a session there; a shell of its own, so that what it shows is the same everywhere. */
const first = (name: PlaceName, more: Record<string, unknown>) => ({
  operation: 'tty/open',
  carriage: 'raw',
  project: 'test',
  projectRoot: live.root,
  tty: { term: 'xterm', cols: 80, rows: 24 },
  ...places.params(name),
  ...more,
});

describe.each(NAMES)('{#tty_open} a terminal in %s', (name) => {
  const here = serviceAvailable(NEEDS[name]) && serviceAvailable('script');

  it.skipIf(!here)(
    'has a size, is resized, interrupted with Ctrl-C, and tells its exit code last',
    async () => {
      const message = JSON.stringify(first(name, { cmd: 'exec sh -i' }));
      const child = spawn(process.execPath, [PLAIN, live.server.http, live.server.token, message], { stdio: ['ignore', 'pipe', 'pipe'] });
      let said = '';
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes: Buffer) => (said += bytes.toString()));
      const [code] = (await once(child, 'close')) as [number];
      expect([code, said]).toEqual([0, expect.stringMatching(/^\{.*\}\n$/)]);
      expect(JSON.parse(said)).toMatchObject({ tty: { cols: 80, rows: 24 }, last: { type: 'exit', code: 3 }, stderr: false });
    },
    60_000,
  );

  it.skipIf(!here)(
    '{#tty_frames} goes on at its byte for whoever comes back after the connection was cut',
    async () => {
      const go = join(places.folder, `tty-${name}`);
      const cmd = `seq 1 20000; while [ ! -e ${go} ]; do sleep 0.05; done; seq 20001 40000; read line; echo "got $line"; exit 4`;
      const one = await TtyClient.open(live.server, first(name, { run: `again-${name}`, cmd }));
      const { run, path } = (await one.answer()) as { run: string; path: string };
      await one.see(/\n5000\r\n/);
      one.socket.terminate();
      await once(one.socket, 'close');
      const seen = one.bytes();
      writeFileSync(go, '');
      const attach = { project: 'test', projectRoot: live.root, run, attach: path, from: { 1: seen.length } };
      const two = await TtyClient.open(live.server, attach);
      expect(await two.answer()).toMatchObject({
        ok: true,
        channels: expect.arrayContaining([expect.objectContaining({ offset: seen.length })]),
      });
      await two.see(/\n40000\r\n/);
      two.type('typed\n');
      expect(await two.exit()).toMatchObject({ type: 'exit', code: 4 });
      const whole = Buffer.concat([seen, two.bytes()]).toString();
      const lines = Array.from({ length: 40_000 }, (_, i) => `${i + 1}\r\n`).join('');
      expect(whole === `${lines}typed\r\ngot typed\r\n`).toBe(true);
      const client = await live.client();
      expect((await readAll(client, run, path, 1)).toString() === whole).toBe(true);
    },
    60_000,
  );
});
