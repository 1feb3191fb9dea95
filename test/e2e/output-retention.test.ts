import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type BuiltServer, endCommands, serve, WireClient, type WireError } from '../support/built-server.ts';
import { cli } from '../support/cli.ts';
import { ended } from '../support/live-server.ts';
import { tempFolder } from '../support/temp-store.ts';

let temp: Awaited<ReturnType<typeof tempFolder>>;
let server: BuiltServer;
let client: WireClient;
let config: string;
const data = () => join(temp.folder, 'data');

beforeEach(async () => {
  temp = await tempFolder();
  config = join(temp.folder, 'headgate.yaml');
  await start();
});
afterEach(async () => {
  await client.close();
  await endCommands(server, temp.folder);
  await server.stop();
  await temp.remove();
});

async function start(retention = '{}'): Promise<void> {
  await writeFile(config, `retention: ${retention}\n`);
  server = await serve(data(), ['--config', config]);
  client = await WireClient.connect(server, temp.folder);
}

async function again(retention: string): Promise<void> {
  await client.close();
  await server.stop();
  await start(retention);
}

const refusal = (error: unknown) => (error as WireError).data;

it('{#output_retention} drops the output of the oldest commands beyond so many bytes, says so in the log, and to who reads it', async () => {
  const { run } = await client.call<{ run: string }>('startRun', { model: 'scripted', yolo: true });
  const sh = async (command: string) => {
    const { path } = await client.call<{ path: string }>('sh', { run, command });
    return path;
  };
  const running = await sh('head -c 300000 /dev/zero; sleep 600');
  const old = await sh('head -c 1000000 /dev/zero; echo error >&2');
  await ended(client, { run, path: old });
  const young = await sh('echo young');
  await ended(client, { run, path: young });
  await again('{ outputBytes: 100000 }');
  const read = (path: string, from: number, channel = 1) => client.call<{ bytes: number }>('stream/read', { run, path, channel, from });
  await expect
    .poll(() => read(old, 500_000).then(() => undefined, refusal), { timeout: 10_000 })
    .toMatchObject({ name: 'not_found', dropped: 1_000_000, at: expect.any(Number) as number });
  expect(await read(old, 0, 2).then(() => undefined, refusal)).toMatchObject({ name: 'not_found', dropped: 6 });
  expect(await client.call('stream/subscribe', { run, path: old }).then(() => undefined, refusal)).toMatchObject({ name: 'not_found' });
  const { body, attributes } = await client.call<{ body: string; attributes: Record<string, unknown> }>('get', { run, path: old });
  expect(body).toMatch(/its output, 1000006 bytes, was dropped at \d{4}-/);
  expect(attributes).toMatchObject({ exit_code: 0, dropped: { bytes: 1_000_006 } });
  expect(await read(young, 0)).toMatchObject({ bytes: 6 });
  expect(await read(running, 0)).toMatchObject({ bytes: 300_000 });
  await client.call('stream/cancel', { run, path: running });
  // The file of what runs is left.
  await expect.poll(() => readdir(join(data(), 'channels')), { timeout: 20_000 }).toHaveLength(1);
  await client.close();
  await server.stop();
  expect(JSON.parse((await cli(['doctor', '--json', '--data', data()], { cwd: temp.folder })).out)).toMatchObject({ ok: true });
  await start();
}, 60_000);

it('{#output_retention} drops the output of commands that ended before so many days, and nothing by itself', async () => {
  const { run } = await client.call<{ run: string }>('startRun', { model: 'scripted', yolo: true });
  const { path } = await client.call<{ path: string }>('sh', { run, command: 'echo kept' });
  await ended(client, { run, path });
  const read = () => client.call<{ chunk: string }>('stream/read', { run, path, channel: 1 }).then(({ chunk }) => chunk, refusal);
  await again('{ outputDays: 1 }');
  expect(await read()).toBe('kept\n');
  // A ten-thousandth of a second.
  await again('{ outputDays: 0.000000001 }');
  await expect.poll(read, { timeout: 10_000 }).toMatchObject({ name: 'not_found', dropped: 5 });
}, 60_000);
