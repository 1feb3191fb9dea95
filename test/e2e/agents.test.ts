import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { methods } from '@agentclientprotocol/sdk';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { stringify } from 'yaml';
import { AcpEditor } from '../support/acp-editor.ts';
import { type Params, processesWith, serve, type WireClient } from '../support/built-server.ts';
import { LiveServer } from '../support/live-server.ts';

const FAKE = fileURLToPath(new URL('fixtures/fake-agent.mjs', import.meta.url));
const SLOW = { timeout: 30_000, interval: 10 };

const live = new LiveServer();
let config = '';
let client: WireClient;

beforeAll(async () => {
  await live.open();
  await live.server.stop();
  config = join(live.data, '..', 'config.yaml');
  const fake = { command: process.execPath, args: [FAKE, live.root] };
  const agents = {
    fake,
    gone: { command: 'no-such-agent' },
    old: { command: '/usr/bin/env', args: ['FAKE_VERSION=7', process.execPath, FAKE, live.root] },
    login: { command: '/usr/bin/env', args: ['FAKE_LOGIN=1', process.execPath, FAKE, live.root] },
    quits: { command: '/usr/bin/env', args: ['FAKE_QUIT=3', process.execPath, FAKE, live.root] },
    silent: { command: '/usr/bin/env', args: ['FAKE_SILENT=1', process.execPath, FAKE, live.root], startMs: 1500 },
  };
  await writeFile(config, stringify({ agents }));
  await start();
});
afterEach(async () => {
  for (const { run, path } of await client.call<{ run: string; path: string }[]>('stream/list', { state: 'live' }))
    await client.call('stream/cancel', { run, path, grace_ms: 50 });
});
afterAll(() => live.close());

async function start(): Promise<void> {
  live.server = await serve(live.data, ['--config', config]);
  client = await live.client('first');
}

async function crashAndStart(): Promise<void> {
  await live.server.crash();
  await start();
}

async function opened(agent = 'fake'): Promise<string> {
  return (await client.call<{ run: string }>('startRun', { agent })).run;
}

const info = (run: string) =>
  client.call<{
    status: number;
    outcome: string | null;
    proposals: string[];
    loops: { status: number; outcome: string | null; result: string | null }[];
  }>('getRun', { run });
const entries = (run: string) => client.call<Params[]>('getEntries', { run, pattern: 'log://**' });
const loopEnded = async (run: string, loop: number) => {
  await vi.waitUntil(async () => [200, 499, 500].includes((await info(run)).loops[loop - 1]?.status ?? 0), SLOW);
  return (await info(run)).loops[loop - 1];
};
const proposal = async (run: string) => {
  await vi.waitUntil(async () => (await info(run)).proposals.length > 0, SLOW);
  return (await info(run)).proposals[0] ?? '';
};
const text = async (run: string, path: string) => (await client.call<{ chunk: string }>('stream/read', { run, path, channel: 1 })).chunk;
const prompts = () => (existsSync(join(live.root, 'prompts')) ? readFileSync(join(live.root, 'prompts'), 'utf8') : '');
const act = (run: string, prompt: string) => client.call('act', { run, prompt });

describe('{#run_drivers} {#agents} {#agent_driver} {#agent_actions} an agent of others drives a run', () => {
  it('names the run after the agent, and lists it as what drives the run', async () => {
    const run = await opened();
    expect(run).toMatch(/^fake-\d+$/);
    expect(await client.call('getRuns', {})).toEqual(expect.arrayContaining([expect.objectContaining({ run, agent: 'fake' })]));
    await expect(client.call('run/inject', { run, message: 'by the way' })).rejects.toMatchObject({ data: { name: 'unsupported' } });
  });

  it('says, runs and asks; its words, commands and output are those of the run', async () => {
    const run = await opened();
    await act(
      run,
      'say hello\nrun echo one; echo two\ngrow for i in 1 2 3; do echo $i; sleep 0.05; done; exit 3\nquick echo at once\nsay bye',
    );
    expect(await loopEnded(run, 1)).toMatchObject({ status: 200, result: 'bye\n' });
    const all = await entries(run);
    const commands = all.filter(({ path }) => String(path).startsWith('log://turn_1/sh/'));
    expect(commands.map(({ status, outcome }) => [status, outcome])).toEqual([
      [200, null],
      [500, 'exit:3'],
      [200, null],
    ]);
    expect(await text(run, String(commands[0]?.['path']))).toBe('one\ntwo\n');
    expect(await text(run, String(commands[1]?.['path']))).toBe('1\n2\n3\n');
    expect(await text(run, String(commands[2]?.['path']))).toBe('at once\n');
    expect(all.filter(({ path }) => String(path).includes('/model/')).map(({ path, body }) => [path, body])).toEqual([
      ['log://turn_1/model/text', 'hello\n'],
      ['log://turn_2/model/text', 'bye\n'],
    ]);
  });

  it('{#agent_facts} has its plan, thoughts, title and usage in the run', async () => {
    const run = await opened();
    await act(
      run,
      'muse so be it\nplan completed,in_progress,pending\nsay on it\ntitle Make it so\nweigh 1200\nplan completed,completed,completed',
    );
    expect(await loopEnded(run, 1)).toMatchObject({ status: 200, result: 'on it\n' });
    expect(await client.call('getRun', { run })).toMatchObject({
      title: 'Make it so',
      context: { used: 1200, size: 200_000 },
      usage: { inputTokens: 70, outputTokens: 7 },
    });
    const all = await entries(run);
    expect(all.find(({ path }) => path === 'log://turn_1/think/thought')?.['body']).toBe('so be it');
    expect(all.filter(({ path }) => String(path).includes('/plan/'))).toMatchObject([
      { status: 200, body: '[x] step 1\n[x] step 2\n[x] step 3', attributes: { summary: 'plan: 3 of 3 done' } },
    ]);
  });

  it('{#agent_permission} asks with a proposal that any client answers, once', async () => {
    const run = await opened();
    await act(run, 'ask touch made-by-agent; echo made');
    const path = await proposal(run);
    expect(existsSync(join(live.root, 'made-by-agent'))).toBe(false);
    const second = await live.client('second');
    await second.call('run/resolve', { run, resolution: { path, action: 'accept' } });
    await expect(client.call('run/resolve', { run, resolution: { path, action: 'reject' } })).rejects.toMatchObject({
      data: { name: 'proposal_resolved' },
    });
    expect(await loopEnded(run, 1)).toMatchObject({ status: 200 });
    expect(existsSync(join(live.root, 'made-by-agent'))).toBe(true);
    expect(await text(run, path)).toBe('made\n');
    await act(run, 'ask touch refused');
    await client.call('run/resolve', { run, resolution: { path: await proposal(run), action: 'reject' } });
    expect(await loopEnded(run, 2)).toMatchObject({ status: 200 });
    expect(existsSync(join(live.root, 'refused'))).toBe(false);
  });

  it('{#agent_permission} is answered by the rules, a command by every command in it', async () => {
    await client.call('policy/add', { decision: 'allow', rule: 'sh(echo *)' });
    await client.call('policy/add', { decision: 'deny', rule: 'sh(curl *)' });
    const run = await opened();
    await act(run, 'ask echo a; echo b\nask echo a; curl http://127.0.0.1:1/');
    expect(await loopEnded(run, 1)).toMatchObject({ status: 200 });
    const commands = (await entries(run)).filter(({ path }) => String(path).startsWith('log://turn_1/sh/'));
    expect(commands.map(({ status }) => status)).toEqual([200, 403]);
  });

  it('{#agent_permission} {#ask_mode} may do nothing but look in a loop that changes nothing', async () => {
    const run = await opened();
    await client.call('ask', { run, prompt: 'ask touch in-ask-mode\nsay on' });
    expect(await loopEnded(run, 1)).toMatchObject({ status: 200, result: 'on\n' });
    await client.call('act', { run, prompt: 'ask touch without-proposals', noProposals: true });
    expect(await loopEnded(run, 2)).toMatchObject({ status: 200 });
    expect(['in-ask-mode', 'without-proposals'].filter((name) => existsSync(join(live.root, name)))).toEqual([]);
    const refused = (await entries(run)).filter(({ path }) => String(path).includes('/sh/'));
    expect(refused).toMatchObject([
      { status: 403, outcome: 'not_offered' },
      { status: 403, outcome: 'not_offered' },
    ]);
    await client.call('act', { run, prompt: 'ask touch with-yolo', yolo: true });
    expect(await loopEnded(run, 3)).toMatchObject({ status: 200 });
    expect(existsSync(join(live.root, 'with-yolo'))).toBe(true);
  });

  it('{#acp_settings} drives the session of an editor, which answers what it asks', async () => {
    const editor = new AcpEditor(['--agent', 'fake'], { cwd: live.root, data: live.data });
    await editor.initialize({ _meta: { terminal_output: true } });
    const { sessionId, configOptions } = await editor.agent.request(methods.agent.session.new, { cwd: live.root, mcpServers: [] });
    expect(configOptions?.map(({ id }) => id)).toEqual(['mode']);
    const stopped = editor.prompt(sessionId, 'muse hm\nsay hello\nask echo from-the-agent | tee by-editor');
    (await editor.question()).choose('allow_once');
    expect(await stopped).toBe('end_turn');
    expect(await live.text('by-editor')).toBe('from-the-agent\n');
    expect(editor.text(sessionId)).toContain('hello\n');
    expect(editor.text(sessionId, 'agent_thought_chunk')).toBe('hm');
    expect(editor.calls(sessionId).find(({ kind }) => kind === 'execute')).toMatchObject({ status: 'completed' });
    await editor.close();
  });

  it('{#agent_lines} goes on after kill -9 of the server in the middle of a command, and repeats nothing', async () => {
    const run = await opened();
    const prompt = 'say before\nrun i=0; while [ $i -lt 400 ]; do echo line $i; i=$((i+1)); sleep 0.01; done\nsay after';
    await act(run, prompt);
    let path = '';
    await vi.waitUntil(async () => {
      path = String((await entries(run)).find(({ path }) => String(path).startsWith('log://turn_1/sh/'))?.['path'] ?? '');
      return path !== '' && (await text(run, path).catch(() => '')).includes('line 20\n');
    }, SLOW);
    await crashAndStart();
    await vi.waitUntil(async () => (await text(run, path)).includes('line 120\n'), SLOW);
    await crashAndStart();
    expect(await loopEnded(run, 1)).toMatchObject({ status: 200, result: 'after\n' });
    expect(await text(run, path)).toBe(Array.from({ length: 400 }, (_, i) => `line ${i}\n`).join(''));
    expect(
      prompts()
        .split('\n')
        .filter((line) => line === JSON.stringify(prompt)),
    ).toHaveLength(1);
  });

  it('{#agent_lines} keeps a request for permission over kill -9 of the server', async () => {
    const run = await opened();
    await act(run, 'ask echo kept > kept-by-agent');
    const path = await proposal(run);
    await crashAndStart();
    expect((await info(run)).proposals).toEqual([path]);
    await client.call('run/resolve', { run, resolution: { path, action: 'accept' } });
    expect(await loopEnded(run, 1)).toMatchObject({ status: 200 });
    expect(await live.text('kept-by-agent')).toBe('kept\n');
  });

  it.each(['hang', 'deaf'])('{#agent_cancel} is cancelled with its whole tree, also with nobody left to ask (%s)', async (how) => {
    const run = await opened();
    await act(run, `child\nsay working\n${how}`);
    await vi.waitUntil(async () => prompts().includes(JSON.stringify(`child\nsay working\n${how}`)), SLOW);
    const [agent] = await client.call<{ path: string }[]>('stream/list', { run, state: 'live' });
    await client.call('run/abort', { run });
    expect(await loopEnded(run, 1)).toMatchObject({ status: 499 });
    const receipt = () =>
      client.call<{ state: string; receipt: { confirmedDead: number[]; escaped: number[] } | null }>('stream/receipt', {
        run,
        path: agent?.path,
      });
    await vi.waitUntil(async () => (await receipt()).state === 'cancelled', SLOW);
    const { receipt: dead } = await receipt();
    expect(dead?.escaped).toEqual([]);
    expect(dead?.confirmedDead.length).toBeGreaterThan(1);
    expect((await processesWith(live.data)).filter((line) => line.includes('sleep 600'))).toEqual([]);
    // The next prompt has another process, with the session of before.
    await act(run, 'say again');
    expect(await loopEnded(run, 2)).toMatchObject({ status: 200, result: 'again\n' });
  });

  it.each([
    ['dies', 'fake', 'say x\ndie 7', 'agent_exited'],
    ['dies after half a line', 'fake', 'half', 'agent_exited'],
    ['is not installed', 'gone', 'say x', 'agent_exited'],
    ['speaks another version', 'old', 'say x', 'agent_version'],
    ['needs a login', 'login', 'say x', 'agent_login'],
    ['dies at its start', 'quits', 'say x', 'agent_exited'],
    ['never opens a session', 'silent', 'say x', 'agent_silent'],
    ['sends a line that does not end', 'fake', 'endless', 'agent_garbage'],
  ])('{#agent_outcomes} ends with a named outcome when the agent %s', async (_, agent, prompt, outcome) => {
    const run = await opened(agent);
    await act(run, prompt);
    expect(await loopEnded(run, 1)).toMatchObject({ status: 500, outcome });
    await vi.waitUntil(async () => (await client.call<unknown[]>('stream/list', { run, state: 'live' })).length === 0, SLOW);
    expect((await info(run)).status).toBe(500);
  });

  it('{#agent_outcomes} says why an agent died: its exit code and its last words', async () => {
    const run = await opened('quits');
    await act(run, 'say x');
    await loopEnded(run, 1);
    const note = (await entries(run)).find(({ path }) => String(path).includes('/agent/error'));
    expect(note?.['body']).toMatch(/\(exit 3\)[^]*no key was given/);
  });

  it('{#agent_outcomes} ends with agent_unknown when the configuration names the agent no more', async () => {
    const run = await opened();
    const known = config;
    await live.server.stop();
    config = join(live.data, '..', 'empty.yaml');
    await writeFile(config, '{}');
    await start();
    await act(run, 'say x');
    expect(await loopEnded(run, 1)).toMatchObject({ status: 500, outcome: 'agent_unknown' });
    await live.server.stop();
    config = known;
    await start();
    await act(run, 'say there again');
    expect(await loopEnded(run, 2)).toMatchObject({ status: 200, result: 'there again\n' });
  });

  it('{#agent_lines} takes a flood of updates, each once and in order', async () => {
    const run = await opened();
    await act(run, 'flood 20000');
    const { status, result } = (await loopEnded(run, 1)) ?? {};
    expect(status).toBe(200);
    expect(result === Array.from({ length: 20_000 }, (_, n) => `${n},`).join('')).toBe(true);
  });

  it('{#agent_lines} refuses what it does not serve, and the agent goes on', async () => {
    const run = await opened();
    await act(run, 'files');
    expect(await loopEnded(run, 1)).toMatchObject({ status: 200, result: 'refused -32601' });
  });

  it('{#agent_permission} answers `cancelled` where the agent has no option to reject', async () => {
    const run = await opened();
    await act(run, 'stubborn touch stubborn\nsay on');
    await client.call('run/resolve', { run, resolution: { path: await proposal(run), action: 'reject' } });
    expect(await loopEnded(run, 1)).toMatchObject({ status: 200, result: 'on\n' });
    expect(existsSync(join(live.root, 'stubborn'))).toBe(false);
  });

  it('{#agent_permission} refuses an answer that has the command run elsewhere', async () => {
    const run = await opened();
    await act(run, 'ask touch elsewhere');
    const path = await proposal(run);
    const answer = (more: Params) => client.call('run/resolve', { run, resolution: { path, action: 'accept', ...more } });
    await expect(answer({ runner: 'client' })).rejects.toMatchObject({ data: { name: 'invalid_params' } });
    await expect(answer({ output: 'done' })).rejects.toMatchObject({ data: { name: 'invalid_params' } });
    expect((await info(run)).proposals).toEqual([path]);
    await answer({});
    expect(await loopEnded(run, 1)).toMatchObject({ status: 200 });
  });

  it('{#agent_outcomes} leaves garbage and unknown updates out, and refuses an agent that is not configured', async () => {
    const run = await opened();
    await act(run, 'garbage\nsay fine');
    expect(await loopEnded(run, 1)).toMatchObject({ status: 200, result: 'fine\n' });
    await expect(client.call('startRun', { agent: 'nobody' })).rejects.toMatchObject({ data: { name: 'not_found' } });
    expect(await client.call('agent/list', {})).toMatchObject([
      { agent: 'fake', installed: true },
      { agent: 'gone', installed: false },
      { agent: 'old' },
      { agent: 'login' },
      { agent: 'quits' },
      { agent: 'silent' },
    ]);
  });
});
