import { methods } from '@agentclientprotocol/sdk';
import { describe, expect, it, vi } from 'vitest';
import { contentText } from '../support/acp-editor.ts';
import { acpSuite, runOf } from '../support/acp-suite.ts';
import { writeFiles } from '../support/project.ts';

const suite = acpSuite();
const TERMINALS = { _meta: { terminal_output: true } };
const FORMS = { elicitation: { form: {} } };
const soon = { timeout: 20_000, interval: 10 };

describe('{#acp_live} what others do in the run of a session', () => {
  it('an answer that another client gave first withdraws the request, and the tool call goes on', async () => {
    const editor = await suite.editor();
    const folder = await suite.folder();
    const sessionId = await editor.open(folder);
    const stopped = editor.prompt(sessionId, 'sh: touch x; echo done');
    const question = await editor.question();
    const other = await suite.other(folder);
    const path = question.params.toolCall.toolCallId;
    await other.call('run/resolve', { run: runOf(sessionId), resolution: { path, action: 'accept' } });
    await vi.waitUntil(() => question.withdrawn, soon);
    expect(await stopped).toBe('end_turn');
    expect(await editor.call(sessionId, 'sh')).toMatchObject({ status: 'completed' });
  });

  it('shows a command that another client proposes and cancels, and its prompts, while no prompt of its own runs', async () => {
    const editor = await suite.editor(TERMINALS);
    const folder = await suite.folder();
    const sessionId = await editor.open(folder);
    const run = runOf(sessionId);
    const other = await suite.other(folder);
    const { path } = await other.call<{ path: string }>('sh', { run, command: 'echo theirs; sleep 600' });
    (await editor.question(path)).choose('allow_once');
    await editor.call(sessionId, 'sh', ({ terminal }) => terminal === 'theirs\n');
    await other.call('stream/cancel', { run, path, reason: 'wrong branch' });
    const ended = await editor.call(sessionId, 'sh', ({ status }) => status === 'failed');
    expect(ended).toMatchObject({ announced: 1, rawOutput: { status: 499 } });
    expect(contentText(ended)).toBe('Cancelled: wrong branch');
    await other.call('act', { run, prompt: 'from elsewhere', wait: true });
    await vi.waitUntil(() => editor.text(sessionId).includes('You said: from elsewhere'), soon);
    expect(editor.text(sessionId, 'user_message_chunk')).toBe('from elsewhere');
  });

  it('says in the title that a command waits for input', async () => {
    const editor = await suite.editor();
    const folder = await suite.folder();
    const sessionId = await editor.open(folder);
    const other = await suite.other(folder);
    const command = 'printf "Password: "; read -r word; echo "$word" > word';
    const { path } = await other.call<{ path: string }>('sh', { run: runOf(sessionId), command });
    (await editor.question(path)).choose('allow_once');
    await editor.call(sessionId, 'sh', ({ title }) => title.includes('(waits for input: Password:'));
    await other.call('stream/input', { run: runOf(sessionId), path, chunk: 'x\n' });
    expect(await editor.call(sessionId, 'sh', ({ status }) => status === 'completed')).toMatchObject({
      title: expect.not.stringContaining('waits'),
    });
  });

  it('shows each thing once over a kill -9 of the server in the middle of a prompt', { timeout: 90_000 }, async () => {
    const editor = await suite.editor(TERMINALS);
    const folder = await suite.folder();
    const sessionId = await editor.open(folder);
    const stopped = editor.prompt(sessionId, 'sh: seq 3000; while [ ! -e go ]; do sleep 0.02; done; seq 3000; exit 5');
    (await editor.question()).choose('allow_once');
    await editor.call(sessionId, 'sh', ({ terminal }) => terminal.startsWith('1\n2\n'));
    await suite.live.crashAndStart();
    await writeFiles(folder, { go: '' });
    expect(await stopped).toBe('end_turn');
    const seq = Array.from({ length: 3000 }, (_, index) => `${index + 1}\n`).join('');
    const call = await editor.call(sessionId, 'sh');
    expect(call.terminal).toBe(`${seq}${seq}`);
    expect(call).toMatchObject({ announced: 1, status: 'failed', exit: { exit_code: 5 } });
    expect(editor.text(sessionId).match(/I propose that command\./g)).toHaveLength(1);
    expect(editor.text(sessionId).match(/This came of it/g)).toHaveLength(1);
    expect(editor.asked).toEqual([]);
  });

  it('a proposal that waits over a restart of the server is answered where it was asked', { timeout: 90_000 }, async () => {
    const editor = await suite.editor();
    const sessionId = await editor.open(await suite.folder());
    const stopped = editor.prompt(sessionId, 'sh: touch x');
    const question = await editor.question();
    await suite.live.crashAndStart();
    question.choose('allow_once');
    expect(await stopped).toBe('end_turn');
    expect(await editor.call(sessionId, 'sh')).toMatchObject({ announced: 1, status: 'completed' });
  });
});

describe('{#acp_permission} {#acp_stop} a request that is dismissed', () => {
  it('ends the prompt, and the proposal waits for another client, whose answer the session shows', async () => {
    const editor = await suite.editor();
    const folder = await suite.folder();
    const sessionId = await editor.open(folder);
    const run = runOf(sessionId);
    const stopped = editor.prompt(sessionId, 'sh: echo theirs; touch x');
    const question = await editor.question();
    question.dismiss();
    expect(await stopped).toBe('cancelled');
    const { path } = await editor.call(sessionId, 'sh').then(({ toolCallId }) => ({ path: toolCallId }));
    expect(await editor.call(sessionId, 'sh')).toMatchObject({ status: 'pending' });
    const other = await suite.other(folder);
    expect(await other.call('getProposals', { run })).toMatchObject([{ path }]);
    await other.call('run/resolve', { run, resolution: { path, action: 'accept' } });
    await editor.call(sessionId, 'sh', ({ status }) => status === 'completed');
    await vi.waitUntil(() => editor.text(sessionId).includes('This came of it'), soon);
    expect(await editor.prompt(sessionId, 'hello')).toBe('end_turn');
    expect(editor.asked).toEqual([]);
  });

  it('is asked again with the next prompt, which waits behind it, and ends that as well', async () => {
    const editor = await suite.editor();
    const sessionId = await editor.open(await suite.folder());
    const first = editor.prompt(sessionId, 'sh: touch x');
    (await editor.question()).dismiss();
    expect(await first).toBe('cancelled');
    const [second, third] = [editor.prompt(sessionId, 'hello'), editor.prompt(sessionId, 'and more')];
    (await editor.question()).dismiss();
    expect(await Promise.all([second, third])).toEqual(['cancelled', 'cancelled']);
    const fourth = editor.prompt(sessionId, 'at last');
    (await editor.question()).choose('allow_once');
    expect(await fourth).toBe('end_turn');
    expect(await editor.call(sessionId, 'sh')).toMatchObject({ announced: 1, status: 'completed' });
    expect(editor.text(sessionId)).toContain('You said: at last');
  });

  it('ends nothing but what session/cancel ends when both come at once', async () => {
    const editor = await suite.editor();
    const folder = await suite.folder();
    const sessionId = await editor.open(folder);
    const stopped = editor.prompt(sessionId, 'sh: touch x');
    const question = await editor.question();
    await editor.cancel(sessionId);
    question.dismiss();
    expect(await stopped).toBe('cancelled');
    expect(await (await suite.other(folder)).call('getProposals', { run: runOf(sessionId) })).toEqual([]);
    expect(await editor.prompt(sessionId, 'hello')).toBe('end_turn');
    expect(editor.asked).toEqual([]);
  });
});

describe('{#acp_question} questions in an editor', () => {
  const steps = [
    { calls: [{ tool: 'ask_user', input: { question: 'Where to?', options: ['staging', 'production'] } }] },
    { say: 'So: {{match}}' },
  ];
  const open = [{ calls: [{ tool: 'ask_user', input: { question: 'Which name?' } }] }, { say: 'So: {{match}}' }];

  it('is a form where the editor has those', async () => {
    const editor = await suite.editor(FORMS);
    editor.answerForm = () => ({ action: 'accept', content: { choice: 'staging' } });
    const folder = await suite.folder();
    const sessionId = await editor.open(folder, await suite.scenario(await suite.other(folder), folder, steps));
    expect(await editor.prompt(sessionId, 'go')).toBe('end_turn');
    expect(editor.forms).toMatchObject([
      { mode: 'form', sessionId, message: 'Where to?', requestedSchema: { properties: { choice: { type: 'string' } } } },
    ]);
    expect(editor.text(sessionId)).toBe('So: staging');
  });

  it('has its options as those of a permission request elsewhere', async () => {
    const editor = await suite.editor();
    const folder = await suite.folder();
    const sessionId = await editor.open(folder, await suite.scenario(await suite.other(folder), folder, steps));
    const stopped = editor.prompt(sessionId, 'go');
    const question = await editor.question();
    expect(question.params.options.map(({ name }) => name)).toEqual(['staging', 'production', 'Do not answer']);
    question.choose('answer_1');
    expect(await stopped).toBe('end_turn');
    expect(editor.text(sessionId)).toBe('So: production');
  });

  it.each(['form', 'options'] as const)('ends the prompt when it is dismissed (%s), and is asked again with the next one', async (how) => {
    const editor = await suite.editor(how === 'form' ? FORMS : {});
    const folder = await suite.folder();
    const other = await suite.other(folder);
    const sessionId = await editor.open(folder, await suite.scenario(other, folder, [...steps, { say: 'More.' }]));
    const first = editor.prompt(sessionId, 'go');
    if (how === 'options') (await editor.question()).dismiss();
    expect(await first).toBe('cancelled');
    expect(await other.call('getProposals', { run: runOf(sessionId) })).toHaveLength(1);
    editor.answerForm = () => ({ action: 'decline' });
    const second = editor.prompt(sessionId, 'again');
    const answer = async () => (await editor.question()).choose('reject_once');
    if (how === 'options') await answer();
    // The next loop asks the same.
    if (how === 'options') await answer();
    expect(await second).toBe('end_turn');
  });

  it('without options is a message, and the next prompt is its answer', async () => {
    const editor = await suite.editor();
    const folder = await suite.folder();
    const sessionId = await editor.open(folder, await suite.scenario(await suite.other(folder), folder, open));
    expect(await editor.prompt(sessionId, 'go')).toBe('end_turn');
    expect(editor.text(sessionId)).toBe('\n\nWhich name?');
    expect(await editor.prompt(sessionId, 'Ada')).toBe('end_turn');
    expect(editor.text(sessionId)).toBe('\n\nWhich name?So: Ada');
  });
});

describe('{#acp_question} {#acp_session} a question that is a message', () => {
  it('ends the prompt of its own loop only, and waits on for others when the session is closed', async () => {
    const editor = await suite.editor();
    const folder = await suite.folder();
    const other = await suite.other(folder);
    const steps = [{ calls: [{ tool: 'ask_user', input: { question: 'Which name?' } }] }, { say: 'So: {{match}}' }];
    const sessionId = await editor.open(folder, await suite.scenario(other, folder, steps));
    const ended: string[] = [];
    const prompt = (text: string) => editor.prompt(sessionId, text).then((reason) => ended.push(`${text}: ${reason}`));
    const [first, second] = [prompt('one'), prompt('two')];
    await first;
    await editor.open(folder);
    expect(ended).toEqual(['one: end_turn']);
    await Promise.all([prompt('Ada'), second]);
    expect(ended.toSorted()).toEqual(['Ada: end_turn', 'one: end_turn', 'two: end_turn']);
    expect(editor.text(sessionId)).toBe('\n\nWhich name?So: Ada\n\nWhich name?');
    await editor.agent.request(methods.agent.session.close, { sessionId });
    expect(await other.call('getProposals', { run: runOf(sessionId) })).toHaveLength(1);
  });
});

describe('{#acp_load} loading a session', () => {
  it('replays what was said and done with its output, asks what waits, and goes on live', { timeout: 90_000 }, async () => {
    const folder = await suite.folder();
    const first = await suite.editor(TERMINALS);
    const sessionId = await first.open(folder);
    const stopped = first.prompt(sessionId, 'sh: echo kept; touch x');
    (await first.question()).choose('allow_once');
    await stopped;
    const waiting = first.prompt(sessionId, 'sh: touch y; echo later').catch(() => 'gone');
    await first.question();
    const said = first.text(sessionId);
    expect(await first.close()).toBe(0);
    await waiting;

    const editor = await suite.editor(TERMINALS);
    const loaded = await editor.agent.request(methods.agent.session.load, { sessionId, cwd: folder, mcpServers: [] });
    expect(loaded).toMatchObject({ modes: { currentModeId: 'act' } });
    expect(editor.text(sessionId, 'user_message_chunk')).toBe('sh: echo kept; touch xsh: touch y; echo later');
    expect(editor.text(sessionId)).toBe(said);
    expect(editor.calls(sessionId)).toMatchObject([
      { announced: 1, status: 'completed', terminal: 'kept\n', exit: { exit_code: 0 } },
      { announced: 1, status: 'pending' },
    ]);
    (await editor.question()).choose('allow_once');
    const done = await editor.call(sessionId, 'sh', ({ terminal, status }) => terminal === 'later\n' && status === 'completed');
    expect(done.announced).toBe(1);
  });

  it('shows each byte once in a session that is loaded again, and none in one that is closed', async () => {
    const editor = await suite.editor(TERMINALS);
    const folder = await suite.folder();
    const sessionId = await editor.open(folder);
    const { session } = methods.agent;
    const other = await suite.other(folder);
    await other.call('subscribe', {});
    const until = (file: string) => `while [ ! -e ${file} ]; do sleep 0.02; done`;
    const command = `echo early; ${until('go')}; echo late; ${until('end')}; echo last`;
    const { path } = await other.call<{ path: string }>('sh', { run: runOf(sessionId), command });
    (await editor.question(path)).choose('allow_once');
    await editor.call(sessionId, 'sh', ({ terminal }) => terminal === 'early\n');

    editor.clear();
    await editor.agent.request(session.load, { sessionId, cwd: folder, mcpServers: [] });
    await editor.call(sessionId, 'sh', ({ terminal }) => terminal === 'early\n');
    await writeFiles(folder, { go: '' });
    await editor.call(sessionId, 'sh', ({ terminal }) => terminal.startsWith('early\nlate\n'));
    // What is sent meanwhile comes before the answer.
    await editor.prompt(sessionId, 'hello');
    expect((await editor.call(sessionId, 'sh')).terminal).toBe('early\nlate\n');

    await editor.agent.request(session.close, { sessionId });
    editor.clear();
    await writeFiles(folder, { end: '' });
    await other.notice('stream/ended', (params) => params['path'] === path);
    await editor.prompt(await editor.open(folder), 'hello');
    expect(editor.of(sessionId)).toEqual([]);
  });

  it('resumes without a replay, with what still runs', async () => {
    const folder = await suite.folder();
    const other = await suite.other(folder);
    const { run } = await other.call<{ run: string }>('startRun', { model: 'scripted' });
    await other.call('act', { run, prompt: 'before', wait: true });
    const { path } = await other.call<{ path: string }>('sh', {
      run,
      command: 'echo early; while [ ! -e go ]; do sleep 0.02; done; echo late',
    });
    await other.call('run/resolve', { run, resolution: { path, action: 'accept' } });
    const editor = await suite.editor(TERMINALS);
    const { sessions } = await editor.agent.request(methods.agent.session.list, { cwd: folder });
    const sessionId = sessions[0]?.sessionId ?? '';
    await editor.agent.request(methods.agent.session.resume, { sessionId, cwd: folder });
    expect(editor.text(sessionId)).toBe('');
    await editor.call(sessionId, 'sh', ({ terminal }) => terminal === 'early\n');
    await writeFiles(folder, { go: '' });
    const ended = await editor.call(sessionId, 'sh', ({ status }) => status === 'completed');
    expect(ended).toMatchObject({ terminal: 'early\nlate\n', announced: 1 });
  });

  it('{#acp_list} lists the runs of a folder, newest first, page by page', async () => {
    const folder = await suite.folder();
    const editor = await suite.editor();
    const other = await suite.other(folder);
    for (let number = 0; number < 51; number++) await other.call('startRun', { model: 'scripted', alias: `r${number}` });
    const named = await editor.open(folder);
    await editor.prompt(named, 'first words\nmore');
    const page = await editor.agent.request(methods.agent.session.list, { cwd: folder });
    expect(page.sessions).toHaveLength(50);
    expect(page.sessions[0]).toMatchObject({
      sessionId: named,
      cwd: folder,
      title: 'first words',
      updatedAt: expect.stringMatching(/^\d{4}-.*Z$/),
    });
    const rest = await editor.agent.request(methods.agent.session.list, { cwd: folder, cursor: page.nextCursor ?? null });
    expect(rest.nextCursor ?? null).toBeNull();
    expect(new Set([...page.sessions, ...rest.sessions].map(({ sessionId }) => sessionId)).size).toBe(52);
    const everywhere = await editor.agent.request(methods.agent.session.list, {});
    expect(everywhere.nextCursor).toBe('1.0');
  });
});
