import { existsSync } from 'node:fs';
import { mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { McpServerSettings } from '../../../src/model/mcp-servers.ts';
import { mcp } from '../../../src/plugins/index.ts';
import { toolNames } from '../../../src/plugins/mcp/tool-names.ts';
import { loadConfig } from '../../../src/runtime/index.ts';
import { mcpHttpServer, sessions } from '../../support/mcp/http-server.ts';
import { type RuntimeHarness, runtimeHarness } from '../runtime/harness.ts';

const PROGRAM = fileURLToPath(new URL('../../support/mcp/stdio-server.mjs', import.meta.url));
const closers: (() => Promise<void>)[] = [];
let folder: string;
let notes: string;
beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'headgate-mcp-')));
  notes = join(folder, 'notes');
  await writeFile(notes, '');
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  await rm(folder, { recursive: true, force: true });
});

const program = (more: Partial<McpServerSettings> = {}): McpServerSettings => ({
  command: process.execPath,
  args: [PROGRAM, notes],
  ...more,
});
const noted = async () => (await readFile(notes, 'utf8')).split('\n').filter(Boolean);

async function opened(servers: Record<string, McpServerSettings>, env: NodeJS.ProcessEnv = process.env): Promise<RuntimeHarness> {
  const h = await runtimeHarness({ more: [mcp({ servers, folder, env, version: '0.0.0' })] });
  closers.push(h.close);
  return h;
}

/** Lets the model call a tool of the server `t` in a yolo run, and returns the log entry. */
async function called(h: RuntimeHarness, tool: string, args: object = {}) {
  h.model.answer({ kind: 'say', calls: [{ name: `mcp__t__${tool}`, args: JSON.stringify(args) }] }, { kind: 'say', text: 'ok' });
  const { run } = await h.runtime.prompt(h.caller(), 'act', { prompt: 'x', model: 'm', wait: true, yolo: true });
  const [log] = await h.runtime.entries.list(h.sight, { run, pattern: `log://turn_*/mcp__t__${tool}/*` });
  const channels = Object.fromEntries(
    (await h.runtime.entries.list(h.sight, { run, pattern: `mcp__t__${tool}://**` })).map(({ path, body }) => [path.slice(-1), body]),
  );
  return { run, log: log!, channels, told: String(h.model.requests.at(-1)!.body.messages.at(-1)?.content) };
}

describe('{#mcp} tools of MCP servers', () => {
  it('are offered under their server, and a call is a proposal and then a producer with result, progress and structure', async () => {
    const h = await opened({ t: program() });
    const sum = await called(h, 'add_numbers', { a: 2, b: 40 });
    const offered = h.model.requests[0]!.body.tools!.map((tool) => tool.function);
    expect(offered.find(({ name }) => name === 'mcp__t__add_numbers')?.parameters).toMatchObject({
      type: 'object',
      properties: { a: { type: 'number' }, b: { type: 'number' } },
      required: ['a', 'b'],
    });
    expect(sum.log).toMatchObject({ status: 200, attributes: { summary: 't: Add-Numbers {"a":2,"b":40}' } });
    expect(sum.channels).toEqual({ 1: '42\n', 2: '', 3: '{"sum":42}\n' });
    expect(sum.told).toContain('42');
    expect((await called(h, 'steps', { upTo: 3 })).channels).toMatchObject({ 1: 'counted\n', 2: '1/3 step 1\n2/3 step 2\n3/3 step 3\n' });
    expect((await called(h, 'picture')).channels['1']).toBe('here\n[image, image/png, 5 bytes]\n[resource note://1]\na note\n');
  });

  it('wait for somebody, and nothing reaches the server before', async () => {
    const h = await opened({ t: program() });
    h.model.answer({ kind: 'say', calls: [{ name: 'mcp__t__add_numbers', args: '{"a":1,"b":2}' }] }, { kind: 'say', text: 'ok' });
    const over = h.runtime.prompt(h.caller(), 'act', { prompt: 'x', model: 'm', wait: true });
    const { payload } = await h.event('run/proposal');
    expect(payload).toMatchObject({
      action: 'mcp__t__add_numbers',
      summary: expect.stringContaining('Add-Numbers {"a":1,"b":2}') as string,
    });
    expect(await noted()).not.toContain('add');
    h.runtime.resolve(h.caller(), 'm-1', { path: String(payload['path']), action: 'reject' });
    await over;
    expect(await noted()).not.toContain('add');
  });

  it('that fail, or are called wrongly, or whose server dies, end at 500 with what happened', async () => {
    const h = await opened({ t: program() });
    const failed = await called(h, 'fail');
    expect(failed.log).toMatchObject({ status: 500, outcome: 'tool_error' });
    expect(failed.told).toContain('no such branch');
    expect((await called(h, 'add_numbers', { a: 'x' })).told).toMatch(/invalid/i);
    const crashed = await called(h, 'crash');
    expect(crashed.log.status).toBe(500);
    expect(crashed.told).toMatch(/closed/i);
    // It is started again, and once only was it asked to crash.
    expect((await called(h, 'add_numbers', { a: 1, b: 1 })).channels['1']).toBe('2\n');
    expect((await noted()).filter((line) => line === 'crash')).toHaveLength(1);
  });

  it('hear of a cancel', async () => {
    const h = await opened({ t: program() });
    h.model.answer({ kind: 'say', calls: [{ name: 'mcp__t__hang', args: '{}' }] }, { kind: 'say', text: 'ok' });
    const over = h.runtime.prompt(h.caller(), 'act', { prompt: 'x', model: 'm', wait: true, yolo: true });
    const { payload } = await h.event('stream/started');
    const run = h.runtime.requireRun(h.sight, 'm-1');
    const path = String(payload['path']);
    const progress = h.streams.channelsOf(h.store.entries.get(run.id, path)!).find(({ channel }) => channel === 2)!;
    while (h.store.channels.head(h.store.entries.get(run.id, progress.path)!.id).bytes === 0)
      await new Promise((done) => setImmediate(done));
    h.streams.cancel(run.id, path, { by: 'tester', reason: 'enough' });
    await over;
    expect(h.entry('m-1', path)).toMatchObject({ status: 499 });
    while (!(await noted()).includes('cancelled')) await new Promise((done) => setImmediate(done));
  });

  it('of a server that grows are offered in the next turn, and in ask mode only those that say they only read', async () => {
    const h = await opened({ t: program() });
    await called(h, 'grow');
    while (!h.runtime.plugins().some(({ tools }) => tools.includes('mcp__t__grown'))) await new Promise((done) => setImmediate(done));
    const names = (request: number) =>
      h.model.requests[request]!.body.tools!.map((tool) => tool.function.name).filter((name) => name.startsWith('mcp'));
    h.model.answer({ kind: 'say', text: 'a' }, { kind: 'say', text: 'b' }, { kind: 'say', text: 'c' });
    await h.runtime.prompt(h.caller(), 'act', { prompt: 'y', model: 'm', wait: true });
    expect(names(0)).not.toContain('mcp__t__grown');
    expect(names(2)).toContain('mcp__t__grown');
    await h.runtime.prompt(h.caller(), 'ask', { prompt: 'y', model: 'm', wait: true });
    expect(names(3)).toEqual(['mcp__t__add_numbers']);
    await h.runtime.prompt(h.caller(), 'act', { prompt: 'y', model: 'm', wait: true, noProposals: true });
    expect(names(4)).toEqual([]);
  });

  it('of a program are given its folder and the variables that are named, no others', async () => {
    const env = { ...process.env, PASSED: 'passed', HIDDEN: 'hidden' };
    const h = await opened({ t: program({ env: { GIVEN: 'given' }, envFrom: ['PASSED'], tools: ['surroundings'] }) }, env);
    const { channels } = await called(h, 'surroundings');
    expect(JSON.parse(channels['1']!)).toEqual({ cwd: folder, given: 'given', passed: 'passed' });
    expect(h.model.requests[0]!.body.tools!.map((tool) => tool.function.name).filter((name) => name.startsWith('mcp'))).toEqual([
      'mcp__t__surroundings',
    ]);
  });

  it('over HTTP are called with the header whose value is in a variable', async () => {
    const server = await mcpHttpServer(notes, 'secret-of-the-server');
    closers.push(server.close);
    const env = { ...process.env, TEST_AUTH: 'Bearer secret-of-the-server' };
    const h = await opened({ t: { url: server.url, headersFrom: { Authorization: 'TEST_AUTH' } } }, env);
    expect((await called(h, 'add_numbers', { a: 2, b: 3 })).channels).toMatchObject({ 1: '5\n', 3: '{"sum":5}\n' });
    expect((await called(h, 'steps', { upTo: 2 })).channels).toMatchObject({ 1: 'counted\n', 2: '1/2 step 1\n2/2 step 2\n' });
    expect(JSON.stringify([h.lines, h.events])).not.toContain('secret-of-the-server');
  });

  it.each([
    { status: 404, text: 'Session not found' },
    // What servers answer that hold one session only.
    { status: 400, text: 'Bad Request: Server not initialized' },
  ])('over HTTP are called again when the server has forgotten the session and answers $status', async (answer) => {
    const held = sessions(notes);
    const server = await mcpHttpServer(notes, 'x', held);
    closers.push(server.close);
    const h = await opened(
      { t: { url: server.url, headersFrom: { Authorization: 'TEST_AUTH' } } },
      { ...process.env, TEST_AUTH: 'Bearer x' },
    );
    expect((await called(h, 'add_numbers', { a: 2, b: 3 })).channels['1']).toBe('5\n');
    await held.forget(answer);
    expect((await called(h, 'add_numbers', { a: 2, b: 4 })).channels['1']).toBe('6\n');
    expect((await noted()).filter((line) => line === 'add')).toHaveLength(2);
  });

  it('of a server that is not there are missing, people are told once, and the run goes on', async () => {
    const h = await opened({ t: { command: join(folder, 'no-such-program') }, u: program({ envFrom: ['UNSET_VARIABLE'] }) }, {});
    h.model.answer({ kind: 'say', text: 'a' }, { kind: 'say', text: 'b' }, { kind: 'say', text: 'c' });
    // The first prompt waits for the first attempts, so that the second finds out at the latest.
    for (const prompt of ['x', 'y', 'z'])
      expect(await h.runtime.prompt(h.caller(), 'act', { prompt, model: 'm', wait: true })).toMatchObject({ status: 200 });
    const told = h.events
      .filter(({ type }) => type === 'ui/notify')
      .map(({ payload }) => String(payload['text']))
      .sort();
    expect(told).toEqual([expect.stringContaining('"t" cannot be reached'), expect.stringContaining('UNSET_VARIABLE is not set')]);
  });

  it('end with the server: no program is left over', async () => {
    const h = await opened({ t: program() });
    await called(h, 'add_numbers', { a: 1, b: 1 });
    const pid = Number((await noted())[0]!.split(' ')[1]);
    expect(() => process.kill(pid, 0)).not.toThrow();
    for (const close of closers.splice(0).reverse()) await close();
    expect(() => process.kill(pid, 0)).toThrow();
  });

  it('of a program that never greets are waited for once, not in every turn; it is ended though it ignores the signal', async () => {
    const script = `echo started $$ >> ${notes}; trap '' TERM; while :; do sleep 0.1; done`;
    const h = await opened({ t: { command: 'sh', args: ['-c', script] } });
    const look = { name: 'get', args: '{"path":"known://"}' };
    h.model.answer({ kind: 'say', calls: [look, look, look] }, { kind: 'say', text: 'ok' });
    const begun = performance.now();
    expect(await h.runtime.prompt(h.caller(), 'act', { prompt: 'x', model: 'm', wait: true })).toMatchObject({ status: 200 });
    expect(performance.now() - begun).toBeLessThan(10_000);
    const pid = Number((await noted())[0]!.split(' ')[1]);
    await h.restart(undefined, undefined, { bundled: [] });
    // Killed; the system may take a moment to take it away.
    await vi.waitUntil(() => !existsSync(`/proc/${pid}`), { timeout: 1000 });
  });

  it('have names that models take, each its own, and the same whatever the order', () => {
    const long = `list_${'very_'.repeat(20)}long_things`;
    const names = toolNames('s', ['a-b', 'a.b', 'get', long]);
    expect([...names.values()].every((name) => /^[a-z][a-z0-9_]{0,63}$/.test(name))).toBe(true);
    expect(new Set(names.values()).size).toBe(4);
    expect(names.get('get')).toBe('mcp__s__get');
    expect(toolNames('s', [long, 'get', 'a.b', 'a-b']).get('a.b')).toBe(names.get('a.b'));
  });
});

describe('{#mcp} the configuration', () => {
  const load = async (yaml: string) => {
    await writeFile(join(folder, 'headgate.yaml'), yaml);
    return await loadConfig(join(folder, 'headgate.yaml'));
  };

  it('names servers, and says what is wrong with one', async () => {
    expect((await load('mcp:\n  files: {command: npx, args: [server]}\n  web: {url: "http://127.0.0.1:1/mcp"}\n')).mcp).toEqual({
      files: { command: 'npx', args: ['server'] },
      web: { url: 'http://127.0.0.1:1/mcp' },
    });
    await expect(load('mcp: {x: {}}')).rejects.toThrow('mcp.x.command: give either command');
    await expect(load('mcp: {x: {url: "http://a/", args: [b]}}')).rejects.toThrow('mcp.x.args: goes with command');
    await expect(load('mcp: {x: {url: "file:///a"}}')).rejects.toThrow('http or https');
    await expect(load('mcp: {X: {command: a}}')).rejects.toThrow('lower case');
    await expect(load('mcp: {x: {url: "http://a/", headersFrom: {Authorization: "Bearer abc"}}}')).rejects.toThrow('environment variable');
  });
});
