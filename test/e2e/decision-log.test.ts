import { once } from 'node:events';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import WebSocket from 'ws';
import { type BuiltServer, endCommands, serve, WireClient } from '../support/built-server.ts';
import { ended } from '../support/live-server.ts';
import { tempFolder } from '../support/temp-store.ts';

let temp: Awaited<ReturnType<typeof tempFolder>>;
let server: BuiltServer;
let client: WireClient;

beforeEach(async () => {
  temp = await tempFolder();
  const config = join(temp.folder, 'headgate.yaml');
  writeFileSync(config, 'decisionLog: { file: decisions.log, maxBytes: 1024, files: 2 }\n');
  server = await serve(join(temp.folder, 'data'), ['--config', config]);
  client = await WireClient.connect(server, temp.folder, 'ann');
});
afterEach(async () => {
  await client.close();
  await endCommands(server, temp.folder);
  await server.stop();
  await temp.remove();
});

const file = (suffix = '') => join(temp.folder, `decisions.log${suffix}`);
const lines = (suffix = '') =>
  readFileSync(file(suffix), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

async function decided(command: string, action: 'accept' | 'reject'): Promise<{ run: string; path: string }> {
  const { run } = await client.call<{ run: string }>('startRun', { model: 'scripted' });
  const { path } = await client.call<{ path: string }>('sh', { run, command });
  await client.call('run/resolve', { run, resolution: { path, action } });
  return { run, path };
}

it('{#decision_log} has a line for each answer, each command that begins and each rule, without secrets, and is rotated', async () => {
  const accepted = await decided('true; : ghp_0123456789abcdefghijklmnopqrstuvwxyzAB', 'accept');
  await ended(client, accepted);
  const rejected = await decided('echo never', 'reject');
  await client.call('policy/add', { decision: 'allow', rule: 'sh(date)' });
  expect(lines().slice(0, 3)).toMatchObject([
    {
      time: expect.stringMatching(/^\d{4}-.*Z$/),
      project: 'test',
      run: accepted.run,
      decision: 'accept',
      by: 'ann',
      path: accepted.path,
      what: expect.stringContaining('true; :'),
    },
    { decision: 'start', run: accepted.run, by: 'ann', path: accepted.path, what: expect.stringContaining('true; :') },
    { decision: 'reject', run: rejected.run, by: 'ann', path: rejected.path, what: expect.stringContaining('echo never') },
  ]);
  expect(readFileSync(file(), 'utf8')).not.toContain('ghp_0123');
  expect(lines()[3]).toMatchObject({ decision: 'rule added', by: 'ann', what: expect.stringContaining('sh(date)') });
  expect(statSync(file()).mode & 0o777).toBe(0o600);

  for (let i = 0; i < 20; i++) await decided(`echo ${i}`, 'reject');
  expect(statSync(file('.1')).size).toBeGreaterThanOrEqual(1024);
  expect(existsSync(file('.2'))).toBe(true);
  expect(existsSync(file('.3'))).toBe(false);
  const kept = [...lines('.2'), ...lines('.1'), ...(existsSync(file()) ? lines() : [])].map(({ what }) => what);
  // The newest, in order and without a gap.
  expect(kept).toEqual(Array.from({ length: kept.length }, (_, i) => expect.stringContaining(`echo ${20 - kept.length + i}`)));
});

it('{#decision_log} has the address of the client, as a trusted proxy says it {#trusted_proxy}', async () => {
  await server.stop();
  server = await serve(join(temp.folder, 'data'), [
    '--config',
    join(temp.folder, 'headgate.yaml'),
    '--trusted-proxy',
    '127.0.0.1',
    '10.0.0.0/8',
  ]);
  const headers = { authorization: `Bearer ${server.token}`, 'x-forwarded-for': '198.51.100.1, 203.0.113.9, 10.1.2.3' };
  const socket = new WebSocket(server.url, { headers });
  client = new WireClient(socket);
  await once(socket, 'open');
  await client.call('init', { name: 'test', projectRoot: temp.folder, client: { name: 'ann' } });
  const { path, run } = await decided('true; :', 'accept');
  await ended(client, { path, run });
  expect(lines()).toMatchObject([
    { decision: 'accept', by: 'ann', from: '203.0.113.9' },
    { decision: 'start', by: 'ann', from: '203.0.113.9' },
  ]);
});
