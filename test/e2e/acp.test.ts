import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type McpServer, methods } from '@agentclientprotocol/sdk';
import { describe, expect, it, vi } from 'vitest';
import { contentText } from '../support/acp-editor.ts';
import { acpSuite, runOf } from '../support/acp-suite.ts';
import { processesWith } from '../support/built-server.ts';
import { writeFiles } from '../support/project.ts';

const suite = acpSuite({ shared: true });
const TERMINALS = { _meta: { terminal_output: true } };
const cancelled = { timeout: 20_000, interval: 10 };

describe('{#acp_initialize} what the agent says of itself', () => {
  it('names its version and what it can do', async () => {
    const editor = await suite.editor();
    expect(await editor.initialize()).toMatchObject({
      protocolVersion: 1,
      agentInfo: { name: 'headgate' },
      agentCapabilities: {
        loadSession: true,
        sessionCapabilities: { list: {}, resume: {}, close: {} },
        promptCapabilities: { embeddedContext: true },
      },
      authMethods: [],
    });
  });

  it('tells an editor whose MCP servers it does not use', async () => {
    const editor = await suite.editor({ session: { notices: {} } });
    const mcpServers: McpServer[] = [{ name: 'tickets', command: '/bin/true', args: [], env: [] }];
    const { sessionId } = await editor.agent.request(methods.agent.session.new, { cwd: await suite.folder(), mcpServers });
    await vi.waitUntil(() => editor.of(sessionId).length > 0, cancelled);
    expect(editor.of(sessionId)).toEqual([{ sessionUpdate: 'notice', severity: 'warning', title: expect.stringContaining('tickets') }]);
  });
});

describe('{#acp_errors} bad requests', () => {
  it('are answered with -32602 and what to do instead', async () => {
    const editor = await suite.editor();
    const folder = await suite.folder();
    const sessionId = await editor.open(folder);
    const image = { type: 'image' as const, data: '', mimeType: 'image/png' };
    const { session } = methods.agent;
    const bad: [Promise<unknown>, string][] = [
      [editor.prompt('nobody@00000000', 'x'), 'session not found'],
      [editor.agent.request(session.new, { cwd: 'here', mcpServers: [] }), 'absolute'],
      [editor.agent.request(session.new, { cwd: folder, mcpServers: [], additionalDirectories: ['/tmp'] }), 'additionalDirectories'],
      [editor.agent.request(session.load, { sessionId: 'nobody', cwd: folder, mcpServers: [] }), 'session not found'],
      [editor.agent.request(session.load, { sessionId, cwd: suite.live.root, mcpServers: [] }), 'another folder'],
      [editor.agent.request(session.load, { sessionId: sessionId.replace(/^[^@]+/, 'none'), cwd: folder, mcpServers: [] }), 'run'],
      [editor.agent.request(session.prompt, { sessionId, prompt: [image] }), 'image'],
      [editor.agent.request(session.prompt, { sessionId, prompt: [] }), 'empty'],
      [editor.agent.request(session.setMode, { sessionId, modeId: 'plan' }), 'plan'],
      [editor.agent.request(session.setConfigOption, { sessionId, configId: 'model', value: 'none' }), 'none'],
      [editor.agent.request(session.list, { cursor: 'x' }), 'cursor'],
      [editor.agent.request(session.prompt, { sessionId } as never), ''],
    ];
    for (const [request, words] of bad)
      await expect(request).rejects.toMatchObject({ code: -32602, message: expect.stringContaining(words) });
    expect(await editor.prompt(sessionId, 'hello')).toBe('end_turn');
  });
});

describe('{#acp_text} {#acp_tool_calls} {#acp_permission} one session from its first prompt to its last', () => {
  it('shows words, thoughts, the command, the diff, and asks about both', async () => {
    const editor = await suite.editor();
    const folder = await suite.folder();
    await writeFiles(folder, { 'a.txt': 'one\ntwo\n' });
    const client = await suite.other(folder);
    const model = await suite.scenario(client, folder, [
      {
        say: 'First I look.',
        calls: [
          { tool: 'think', input: { text: 'hm' } },
          { tool: 'sh', input: { command: 'echo out; echo err >&2; touch x; exit 3' } },
        ],
      },
      { calls: [{ tool: 'set', input: { path: 'file://a.txt', edits: [{ old: 'two', new: '2' }] } }] },
      { calls: [{ tool: 'update', input: { text: 'All is done.', status: 200 } }] },
    ]);
    const sessionId = await editor.open(folder, model);
    const stopped = editor.prompt(sessionId, 'go');
    const command = await editor.question();
    expect(command.params.toolCall).toMatchObject({
      title: '`echo out; echo err >&2; touch x; exit 3`',
      kind: 'execute',
      status: 'pending',
    });
    expect(command.params.options.map(({ kind }) => kind)).toEqual(['allow_once', 'allow_always', 'reject_once', 'reject_always']);
    expect(command.params.options[1]?.name).toBe('Always allow sh(touch x) in .');
    command.choose('allow_once');
    const change = await editor.question();
    const diff = { type: 'diff', path: join(folder, 'a.txt'), oldText: 'one\ntwo\n', newText: 'one\n2\n' };
    expect(change.params.toolCall).toMatchObject({ kind: 'edit', content: [diff], locations: [{ path: join(folder, 'a.txt') }] });
    expect(await readFile(join(folder, 'a.txt'), 'utf8')).toBe('one\ntwo\n');
    change.choose('allow_once');
    expect(await stopped).toBe('end_turn');
    expect(await readFile(join(folder, 'a.txt'), 'utf8')).toBe('one\n2\n');
    expect(editor.text(sessionId)).toBe('First I look.All is done.');
    expect(editor.text(sessionId, 'agent_thought_chunk')).toBe('hm');
    const [sh, set, ...more] = editor.calls(sessionId);
    expect(more).toEqual([]);
    expect(sh).toMatchObject({ announced: 1, status: 'failed', rawOutput: { status: 500, outcome: 'exit:3', exit_code: 3 } });
    expect(contentText(sh as never)).toMatch(/^```\n(out\nerr|err\nout)\n```$/);
    expect(set).toMatchObject({ announced: 1, status: 'completed', content: [diff] });
    expect([...new Set(sh?.statuses)]).toEqual(['pending', 'in_progress', 'failed']);
  });

  it('a rejection fails the tool call, and an answer for always is asked about no more', async () => {
    const editor = await suite.editor();
    const folder = await suite.folder();
    const sessionId = await editor.open(folder);
    const first = editor.prompt(sessionId, 'sh: touch x');
    (await editor.question()).choose('reject_once');
    expect(await first).toBe('end_turn');
    expect(await editor.call(sessionId, 'sh')).toMatchObject({ status: 'failed', rawOutput: { status: 403, outcome: 'rejected' } });
    const second = editor.prompt(sessionId, 'sh: touch x');
    (await editor.question()).choose('allow_always');
    expect(await second).toBe('end_turn');
    expect(await editor.prompt(sessionId, 'sh: touch x')).toBe('end_turn');
    expect(editor.asked).toEqual([]);
    const client = await suite.other(folder);
    expect(await client.call('policy/list')).toMatchObject({
      rules: expect.arrayContaining([expect.objectContaining({ rule: 'sh(touch x) in .' })]),
    });
  });

  it('{#acp_prompt} names files of the project as the tools do, and gives embedded text along', async () => {
    const editor = await suite.editor();
    const folder = await suite.folder();
    const sessionId = await editor.open(folder);
    const uri = `file://${folder}/src/a.ts`;
    const prompt = [
      { type: 'text' as const, text: 'read ' },
      { type: 'resource_link' as const, name: 'a.ts', uri },
      { type: 'resource' as const, resource: { uri, text: 'let a = 1;' } },
    ];
    await editor.agent.request(methods.agent.session.prompt, { sessionId, prompt });
    expect(editor.text(sessionId)).toContain(
      'read @file://src/a.ts @file://src/a.ts\n\n<context uri="file://src/a.ts">\nlet a = 1;\n</context>',
    );
  });
});

describe('{#acp_output} output in an editor', () => {
  it('comes while the command runs, byte for byte where the editor draws terminals', async () => {
    const editor = await suite.editor(TERMINALS);
    const folder = await suite.folder();
    const sessionId = await editor.open(folder);
    const stopped = editor.prompt(sessionId, 'sh: printf "f\\303\\274nf\\n"; while [ ! -e go ]; do sleep 0.02; done; seq 20000; exit 4');
    (await editor.question()).choose('allow_once');
    const running = await editor.call(sessionId, 'sh', ({ terminal }) => terminal === 'fünf\n');
    expect(running).toMatchObject({ status: 'in_progress', content: [{ type: 'terminal', terminalId: running.toolCallId }] });
    await writeFiles(folder, { go: '' });
    expect(await stopped).toBe('end_turn');
    const ended = await editor.call(sessionId, 'sh');
    expect(ended.terminal).toBe(`fünf\n${Array.from({ length: 20_000 }, (_, index) => `${index + 1}\n`).join('')}`);
    expect(ended).toMatchObject({ status: 'failed', exit: { exit_code: 4, signal: null }, announced: 1 });
  });

  it('is its last 16 KiB, replaced, elsewhere', async () => {
    const editor = await suite.editor();
    const folder = await suite.folder();
    const sessionId = await editor.open(folder);
    const stopped = editor.prompt(sessionId, 'sh: echo first; while [ ! -e go ]; do sleep 0.02; done; seq 20000');
    (await editor.question()).choose('allow_once');
    const running = await editor.call(sessionId, 'sh', (call) => contentText(call).includes('first'));
    expect(running.status).toBe('in_progress');
    await writeFiles(folder, { go: '' });
    expect(await stopped).toBe('end_turn');
    const text = contentText(await editor.call(sessionId, 'sh'));
    expect(text).toMatch(/^\d+ bytes before this: headgate output scripted-\d+ log:/);
    expect(text).toContain('19999\n20000\n```');
    expect(text.length).toBeLessThan(17 * 1024);
  });
});

describe('{#acp_cancel} cancelling a prompt', () => {
  it('ends the command with its tree and answers cancelled', async () => {
    const editor = await suite.editor(TERMINALS);
    const folder = await suite.folder();
    const sessionId = await editor.open(folder);
    const mark = `acp-cancel-${folder.slice(-6)}`;
    const stopped = editor.prompt(sessionId, `sh: export ACP_MARK=${mark}; echo on; sleep 600 & sleep 600`);
    (await editor.question()).choose('allow_once');
    await editor.call(sessionId, 'sh', ({ terminal }) => terminal === 'on\n');
    await editor.cancel(sessionId);
    expect(await stopped).toBe('cancelled');
    expect(await editor.call(sessionId, 'sh')).toMatchObject({ status: 'failed', rawOutput: { status: 499 } });
    expect(await processesWith(mark)).toEqual([]);
    expect(await editor.prompt(sessionId, 'hello')).toBe('end_turn');
  });

  it('answers the prompts that are queued too, as soon as the commands are gone', async () => {
    const editor = await suite.editor(TERMINALS);
    const sessionId = await editor.open(await suite.folder());
    const stopped = ['sh: echo on; sleep 600', 'and then', 'and last'].map((text) => editor.prompt(sessionId, text));
    (await editor.question()).choose('allow_once');
    await editor.call(sessionId, 'sh', ({ terminal }) => terminal === 'on\n');
    const begun = performance.now();
    await editor.cancel(sessionId);
    expect(await Promise.all(stopped)).toEqual(['cancelled', 'cancelled', 'cancelled']);
    // What is not told of is waited for for ten seconds.
    expect(performance.now() - begun).toBeLessThan(9000);
  });

  it('ends a command that a turn left in the background', async () => {
    const editor = await suite.editor(TERMINALS);
    const folder = await suite.folder();
    const client = await suite.other(folder);
    const model = await suite.scenario(client, folder, [
      { calls: [{ tool: 'sh', input: { command: 'echo on; sleep 600', yield_ms: 0 } }] },
      { calls: [{ tool: 'ask_user', input: { question: 'and now?', options: ['a'] } }] },
    ]);
    const sessionId = await editor.open(folder, model);
    const stopped = editor.prompt(sessionId, 'go');
    (await editor.question()).choose('allow_once');
    await editor.call(sessionId, 'ask_user');
    await editor.cancel(sessionId);
    expect(await stopped).toBe('cancelled');
    expect(await client.call('stream/list', { run: runOf(sessionId), state: 'live' })).toEqual([]);
    expect(await editor.call(sessionId, 'ask_user')).toMatchObject({ status: 'failed', rawOutput: { outcome: 'aborted' } });
  });

  it('withdraws the question that waits, also when the request itself is cancelled', async () => {
    const editor = await suite.editor();
    const sessionId = await editor.open(await suite.folder());
    const abort = new AbortController();
    const prompt = [{ type: 'text' as const, text: 'sh: touch x' }];
    const stopped = editor.agent.request(methods.agent.session.prompt, { sessionId, prompt }, { cancellationSignal: abort.signal });
    const question = await editor.question();
    abort.abort();
    expect(await stopped).toEqual({ stopReason: 'cancelled' });
    await vi.waitUntil(() => question.withdrawn, cancelled);
  });
});

describe('{#acp_session} sessions are runs', () => {
  it('several are open at once, and two prompts in one of them take turns', async () => {
    const editor = await suite.editor();
    const folders = [await suite.folder(), await suite.folder()];
    const sessions = await Promise.all(folders.map((folder) => editor.open(folder)));
    const [one = '', two = ''] = sessions;
    expect(one).not.toBe(two);
    const stopped = [...sessions.map((id) => editor.prompt(id, 'sh: touch x')), editor.prompt(one, 'again')];
    (await editor.question()).choose('allow_once');
    (await editor.question()).choose('allow_once');
    expect(await Promise.all(stopped)).toEqual(['end_turn', 'end_turn', 'end_turn']);
    expect(editor.text(one)).toMatch(/This came of it[\s\S]*You said: again$/);
    expect(editor.text(two)).not.toContain('again');
  });

  it('{#renamed_runs} one whose run is renamed goes on, with the id that the editor has', async () => {
    const editor = await suite.editor();
    const folder = await suite.folder();
    const sessionId = await editor.open(folder);
    expect(await editor.prompt(sessionId, 'first')).toBe('end_turn');
    const client = await suite.other(folder);
    await client.call('run/rename', { run: runOf(sessionId), name: 'with-another-name' });
    const stopped = editor.prompt(sessionId, 'sh: echo after the rename');
    (await editor.question()).choose('allow_once');
    expect(await stopped).toBe('end_turn');
    expect(editor.text(sessionId)).toContain('This came of it');
    expect(await client.call('getRun', { run: 'with-another-name' })).toMatchObject({ loops: [{ prompt: 'first' }, {}] });
  });

  it('closing one ends its prompt and forgets it', async () => {
    const editor = await suite.editor();
    const sessionId = await editor.open(await suite.folder());
    const stopped = editor.prompt(sessionId, 'sh: touch x');
    await editor.question();
    await editor.agent.request(methods.agent.session.close, { sessionId });
    expect(await stopped).toBe('cancelled');
    await expect(editor.prompt(sessionId, 'x')).rejects.toMatchObject({ code: -32602 });
  });
});

describe('{#acp_settings} modes and models', () => {
  it('ask changes nothing, yolo asks nothing, and each change is told as an option', async () => {
    const editor = await suite.editor();
    const sessionId = await editor.open(await suite.folder());
    await editor.agent.request(methods.agent.session.setMode, { sessionId, modeId: 'ask' });
    await editor.prompt(sessionId, 'sh: touch x');
    expect(editor.calls(sessionId)).toEqual([]);
    await editor.agent.request(methods.agent.session.setConfigOption, { sessionId, configId: 'mode', value: 'yolo' });
    expect(await editor.prompt(sessionId, 'sh: touch x')).toBe('end_turn');
    expect(await editor.call(sessionId, 'sh')).toMatchObject({ status: 'completed' });
    expect(editor.asked).toEqual([]);
    const told = editor.of(sessionId).filter(({ sessionUpdate }) => sessionUpdate.endsWith('_update') && !sessionUpdate.startsWith('tool'));
    expect(told).toMatchObject([
      {
        sessionUpdate: 'config_option_update',
        configOptions: [
          { id: 'mode', currentValue: 'ask' },
          { id: 'model', currentValue: 'scripted' },
        ],
      },
      { sessionUpdate: 'current_mode_update', currentModeId: 'yolo' },
    ]);
  });
});

describe('{#acp_stop} stop reasons', () => {
  it.each([
    ['model_filtered', 'refusal'],
    ['model_context', 'max_tokens'],
  ])('a loop that ends with %s stops with %s', async (fail, reason) => {
    const editor = await suite.editor();
    const folder = await suite.folder();
    const model = await suite.scenario(await suite.other(folder), folder, [{ fail }]);
    expect(await editor.prompt(await editor.open(folder, model), 'go')).toBe(reason);
  });

  it('a model that goes round in circles is stopped, and it says why', async () => {
    const editor = await suite.editor();
    const folder = await suite.folder();
    const step = { say: 'again', calls: [{ tool: 'get', input: { path: 'file://none' } }] };
    const model = await suite.scenario(await suite.other(folder), folder, [step, step, step, step]);
    const sessionId = await editor.open(folder, model);
    expect(await editor.prompt(sessionId, 'go')).toBe('max_turn_requests');
    expect(editor.text(sessionId)).toMatch(/^againagainagain\n\n3 turns in a row/);
  });

  it('a model that fails is an error that says what to do', async () => {
    const editor = await suite.editor();
    const folder = await suite.folder();
    const model = await suite.scenario(await suite.other(folder), folder, [{ fail: 'model_http' }]);
    const failed = editor.prompt(await editor.open(folder, model), 'go');
    await expect(failed).rejects.toMatchObject({
      code: -32603,
      message: expect.stringContaining('scenario'),
      data: { outcome: 'model_http' },
    });
  });
});
