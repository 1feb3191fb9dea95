import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type BuiltServer, endCommands, serve, WireClient, type WireError } from '../support/built-server.ts';
import { HealthyClient } from '../support/healthy-client.ts';
import { tempFolder } from '../support/temp-store.ts';

/** How often the load is tried, and how long each time (milliseconds). */
const ROUNDS = 5;
const ROUND_MS = 1500;
/** The longest that a ping may take (milliseconds). */
const GOAL_MS = 50;

let temp: Awaited<ReturnType<typeof tempFolder>>;
let server: BuiltServer;
let operator: WireClient;
let healthy: HealthyClient;

beforeAll(async () => {
  temp = await tempFolder();
  const config = join(temp.folder, 'headgate.yaml');
  await writeFile(config, 'limits: { calls: 100, commands: 8, proposals: 8, subscriptions: 16, eventSubscriptions: 4, callMs: 500 }\n');
  server = await serve(join(temp.folder, 'data'), ['--config', config]);
  operator = await WireClient.connect(server, temp.folder);
  healthy = await HealthyClient.connect(server);
}, 60_000);
afterAll(async () => {
  await healthy?.close();
  await operator?.close();
  if (server) await endCommands(server, temp.folder);
  await server?.stop();
  await temp?.remove();
});

it('{#caller_limits} a client at all its limits keeps the ping of another below 50 ms', async () => {
  const { token } = await operator.call<{ token: string }>('token/add', { name: 'greedy', scope: 'run' });
  const greedy = await WireClient.connect({ ...server, token }, temp.folder);
  const { run: free } = await operator.call<{ run: string }>('startRun', { model: 'scripted', yolo: true });
  const { run: asks } = await operator.call<{ run: string }>('startRun', { model: 'scripted' });
  const refused = new Map<string, number>();
  const attempt = (method: string, params: object = {}) =>
    greedy.call(method, { ...params }).catch((error: unknown) => {
      const what = `${method} ${String((error as WireError).data['name'])}`;
      refused.set(what, (refused.get(what) ?? 0) + 1);
    });
  const loads: readonly [number, string, object?][] = [
    [12, 'sh', { run: free, command: 'yes | head -c 5000000; sleep 60' }],
    [12, 'sh', { run: asks, command: 'sleep 60; true' }],
    [20, 'subscribe'],
    [100, 'rpc.discover'],
    [50, 'getEntries', { run: free }],
  ];
  // Up to its limits: what is measured is a client that goes on asking for more.
  for (const [count, method, params] of loads.slice(0, 3)) await Promise.all(Array.from({ length: count }, () => attempt(method, params)));
  const rounds: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const until = Date.now() + ROUND_MS;
    const { owed } = await healthy.during(() =>
      Promise.all(
        loads.map(async ([count, method, params]) => {
          while (Date.now() < until) await Promise.all(Array.from({ length: count }, () => attempt(method, params)));
        }),
      ),
    );
    rounds.push(owed);
  }
  process.stdout.write(`longest pings beside a client at its limits: ${rounds.map((ms) => ms.toFixed(0)).join(', ')} ms\n`);
  await greedy.close();
  expect([...refused.keys()]).toEqual(expect.arrayContaining(['sh overloaded', 'subscribe too_large', 'rpc.discover overloaded']));
  // What the client causes is there every time; what others do to the disk is not.
  expect(Math.min(...rounds)).toBeLessThan(GOAL_MS);
}, 60_000);

it('{#caller_limits} a token has so many commands and so many proposals at once, and more when some have ended', async () => {
  const { token } = await operator.call<{ token: string }>('token/add', { name: 'job', scope: 'run' });
  const job = await WireClient.connect({ ...server, token }, temp.folder);
  const refusal = (error: unknown) => (error as WireError).data;
  const overloaded = { name: 'overloaded', retry_after_ms: expect.any(Number) as number };
  const resolve = (run: string, path: string) => operator.call('run/resolve', { run, resolution: { path, action: 'reject' } });
  const cancel = (run: string, path: string) => operator.call('stream/cancel', { run, path });
  for (const [yolo, end] of [
    [false, resolve],
    [true, cancel],
  ] as const) {
    const { run } = await operator.call<{ run: string }>('startRun', { model: 'scripted', yolo });
    const begin = () => job.call<{ path: string }>('sh', { run, command: 'sleep 60; true' });
    const begun = [];
    for (let i = 0; i < 8; i++) begun.push(await begin());
    expect(await begin().then(() => undefined, refusal)).toMatchObject(overloaded);
    for (const { path } of begun.slice(1)) await end(run, path);
    await expect.poll(() => begin().then(() => 'taken', refusal)).toBe('taken');
    for (const { path } of begun.slice(0, 1)) await end(run, path);
  }
  await job.close();
}, 60_000);
