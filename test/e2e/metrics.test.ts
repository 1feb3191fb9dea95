import { spawnSync } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ResultOf } from '../../src/rpc/protocol/table.ts';
import { type BuiltServer, serve, WireClient } from '../support/built-server.ts';
import { type OpenAiServer, openAiServer } from '../support/openai-server.ts';
import { serviceAvailable } from '../support/require.ts';
import { tempFolder } from '../support/temp-store.ts';

const DASHBOARD = fileURLToPath(new URL('../../docs/grafana-dashboard.json', import.meta.url));

let temp: Awaited<ReturnType<typeof tempFolder>>;
let models: OpenAiServer;
let server: BuiltServer;
let client: WireClient;
const admin = () => ({ authorization: `Bearer ${server.token}` });

beforeAll(async () => {
  temp = await tempFolder();
  const config = join(temp.folder, 'config.yml');
  models = await openAiServer();
  await writeFile(config, `providers: {house: {baseUrl: '${models.url}'}}\nprices: {test-model: {input: 1000, output: 2000}}\n`);
  server = await serve(join(temp.folder, 'data'), ['--metrics', '--config', config]);
  client = await WireClient.connect(server, temp.folder);
}, 120_000);
afterAll(async () => {
  await client?.close();
  await server?.stop();
  await models?.close();
  await temp?.remove();
});

function get(address: string, headers: Record<string, string> = {}): Promise<{ status: number; type: string; text: string }> {
  return new Promise((resolve, reject) => {
    const sent = request(address, { headers, agent: false }, (response) => {
      let text = '';
      response.on('data', (part: Buffer) => (text += part.toString()));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, type: String(response.headers['content-type']), text }));
    });
    sent.on('error', reject);
    sent.end();
  });
}

const scrape = async () => (await get(`${server.http}/metrics`, admin())).text;

/** The sum of the samples of a name whose labels contain all of these, read by hand. */
function figure(text: string, name: string, labels: Record<string, string> = {}): number {
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  const samples = [...text.matchAll(/^([a-z_0-9]+)(?:\{(.*)\})? (\S+)$/gm)];
  return samples
    .filter(([, found, given = '']) => found === name && wanted.every((one) => given.split(',').includes(one)))
    .reduce((sum, [, , , value]) => sum + Number(value), 0);
}

describe('{#metrics} /metrics', () => {
  it('agrees with what was done', async () => {
    const before = await scrape();
    const { run } = await client.call<{ run: string }>('startRun', { model: 'scripted', yolo: true });
    const done: { command: string; bytes: number }[] = [
      { command: 'printf 12345', bytes: 5 },
      { command: 'head -c 100000 /dev/zero', bytes: 100_000 },
      { command: 'printf xyz >&2; exit 7', bytes: 3 },
    ];
    for (const { command } of done) {
      const { path } = await client.call<{ path: string }>('sh', { run, command });
      await client.notice('stream/ended', (end) => end['path'] === path);
    }
    const { path } = await client.call<{ path: string }>('sh', { run, command: 'sleep 600' });
    await client.notice('stream/started', (start) => start['path'] === path);
    const { subscription } = await client.call<{ subscription: number }>('stream/subscribe', { run, path });
    const during = await scrape();
    expect(figure(during, 'headgate_commands_running')).toBe(1);
    expect(figure(during, 'headgate_subscriptions', { kind: 'stream' })).toBe(1);
    expect(figure(during, 'headgate_connections', { kind: 'session' })).toBe(1);
    await client.call('stream/cancel', { run, path });
    await client.notice('stream/ended', (end) => end['subscription'] === subscription);

    const asks = await client.call<{ run: string }>('startRun', { model: 'scripted' });
    const proposal = await client.call<{ path: string; status: number }>('sh', { run: asks.run, command: 'touch x' });
    expect(proposal.status).toBe(202);
    expect(figure(await scrape(), 'headgate_proposals_waiting')).toBe(1);
    await client.call('run/resolve', { run: asks.run, resolution: { path: proposal.path, action: 'reject' } });

    await client.call('addModel', { alias: 'priced', actual: 'test-model', provider: 'house' });
    const sh = { name: 'sh', args: JSON.stringify({ command: 'true' }) };
    models.answer({ kind: 'say', text: 'First this.', calls: [sh], cachedTokens: 2 }, { kind: 'say', text: 'Done.' });
    const { run: priced } = await client.call<{ run: string }>('act', { model: 'priced', yolo: true, prompt: 'Go.' });
    await client.notice('run/state', ({ run: of, status }) => of === priced && status === 200);
    await expect(client.call('no/such')).rejects.toThrow('no method');
    await expect(client.call('getRun', { run: 'nobody' })).rejects.toThrow('nobody');
    expect((await get(`${server.http}/metrics`)).status).toBe(401);

    const after = await scrape();
    const grown = (name: string, labels?: Record<string, string>) => figure(after, name, labels) - figure(before, name, labels);
    expect(grown('headgate_commands_started_total', { backend: 'process' })).toBe(5);
    expect(grown('headgate_commands_ended_total', { outcome: 'ok' })).toBe(3);
    expect(grown('headgate_commands_ended_total', { outcome: 'exit' })).toBe(1);
    expect(grown('headgate_commands_ended_total', { outcome: 'cancelled' })).toBe(1);
    expect(grown('headgate_output_stored_bytes_total')).toBe(done.reduce((sum, { bytes }) => sum + bytes, 0));
    expect(grown('headgate_commit_seconds_count', { kind: 'output' })).toBeGreaterThanOrEqual(3);
    expect(grown('headgate_commit_seconds_count', { kind: 'durable' })).toBeGreaterThanOrEqual(8);
    expect(grown('headgate_output_store_seconds_count')).toBeGreaterThanOrEqual(3);
    expect(grown('headgate_rpc_calls_total', { method: 'sh' })).toBe(5);
    expect(grown('headgate_rpc_calls_total', { method: 'unknown' })).toBe(1);
    expect(grown('headgate_rpc_rejected_total', { error: 'method_not_found' })).toBe(1);
    expect(grown('headgate_rpc_rejected_total', { error: 'not_found' })).toBe(1);
    expect(grown('headgate_http_refused_total', { error: 'unauthenticated' })).toBe(1);
    const { usage, cost, turns } = await client.call<ResultOf<'getRun'>>('getRun', { run: priced });
    expect([usage.cachedTokens, turns.length]).toEqual([2, 2]);
    expect(grown('headgate_model_calls_total', { provider: 'house', outcome: 'ok' })).toBe(2);
    expect(grown('headgate_model_tokens_total', { kind: 'cached' })).toBe(2);
    expect(grown('headgate_model_tokens_total', { kind: 'input' })).toBe(usage.inputTokens);
    expect(usage.inputTokens).toBeGreaterThan(0);
    expect(grown('headgate_model_tokens_total', { kind: 'output' })).toBe(usage.outputTokens);
    expect(grown('headgate_model_cost_total')).toBeCloseTo(cost ?? Number.NaN, 9);
    expect(figure(after, 'headgate_commands_running')).toBe(0);
    expect(figure(after, 'headgate_proposals_waiting')).toBe(0);
    expect(figure(after, 'headgate_output_waiting_bytes')).toBe(0);
  }, 60_000);

  it('is for tokens that may look at everything', async () => {
    const status = async (scope: string, bounds: object = {}) => {
      const { token } = await client.call<{ token: string }>('token/add', {
        name: `t-${scope}${Object.keys(bounds).join('')}`,
        scope,
        ...bounds,
      });
      return (await get(`${server.http}/metrics`, { authorization: `Bearer ${token}` })).status;
    };
    expect(await status('read')).toBe(200);
    expect(await status('runner')).toBe(403);
    expect(await status('run', { ownRuns: true })).toBe(403);
    expect(await status('read', { projects: ['test'] })).toBe(403);
    expect((await get(`${server.http}/metrics`, { ...admin(), origin: 'https://evil.example' })).status).toBe(403);
  });

  it('with --metrics=loopback needs no token here, unless a proxy asks', async () => {
    const open = await serve(join(temp.folder, 'open'), ['--metrics=loopback']);
    try {
      expect(await get(`${open.http}/metrics`)).toMatchObject({
        status: 200,
        type: expect.stringMatching(/^text\/plain; version=0\.0\.4/),
      });
      for (const header of ['x-forwarded-for', 'via', 'origin'])
        expect((await get(`${open.http}/metrics`, { [header]: 'http://10.0.0.1' })).status).toBeGreaterThanOrEqual(401);
    } finally {
      await open.stop();
    }
  });

  it('is not there without the option, and neither is the library that counts', async () => {
    const loaded = async (name: string, args: readonly string[]) => {
      const coverage = join(temp.folder, `coverage-${name}`);
      await mkdir(coverage);
      const other = await serve(join(temp.folder, name), args, { NODE_V8_COVERAGE: coverage });
      const { status } = await get(`${other.http}/metrics`, { authorization: `Bearer ${other.token}` });
      await other.stop();
      const files = await Promise.all((await readdir(coverage)).map((file) => readFile(join(coverage, file), 'utf8')));
      return { status, counts: files.some((text) => text.includes('/node_modules/prom-client/')) };
    };
    expect(await loaded('off', [])).toEqual({ status: 404, counts: false });
    expect(await loaded('on', ['--metrics'])).toEqual({ status: 200, counts: true });
  }, 60_000);

  it('has every figure that the dashboard for Grafana asks for', async () => {
    const text = await scrape();
    const names = new Set(
      [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].flatMap(([, name = '', kind]) =>
        kind === 'histogram' ? ['_bucket', '_sum', '_count'].map((end) => name + end) : [name],
      ),
    );
    const asked = (await expressions()).flatMap((expr) => expr.match(/\b(?:headgate|nodejs|process)_[a-z0-9_]+/g) ?? []);
    expect(asked.length).toBeGreaterThan(20);
    expect(asked.filter((name) => !names.has(name))).toEqual([]);
  });

  it.skipIf(!serviceAvailable('promtool'))('is in order for promtool, and so are the queries of the dashboard', async () => {
    const checked = spawnSync('promtool', ['check', 'metrics'], { input: await scrape(), encoding: 'utf8' });
    expect(checked).toMatchObject({ status: 0, stdout: '', stderr: '' });
    const rules = (await expressions()).map((expr, index) => ({
      record: `asked:${index}`,
      expr: expr.replaceAll('$__rate_interval', '1m').replaceAll('$instance', '.*'),
    }));
    const file = join(temp.folder, 'rules.yml');
    await writeFile(file, JSON.stringify({ groups: [{ name: 'dashboard', rules }] }));
    expect(spawnSync('promtool', ['check', 'rules', file], { encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' });
  });
});

/** Every query of the dashboard. */
async function expressions(): Promise<string[]> {
  const { panels } = JSON.parse(await readFile(DASHBOARD, 'utf8')) as { panels: { targets: { expr: string }[] }[] };
  return panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
}
