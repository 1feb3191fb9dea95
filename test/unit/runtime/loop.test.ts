import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type RuntimeHarness, runtimeHarness } from './harness.ts';

let h: RuntimeHarness;
beforeEach(async () => {
  h = await runtimeHarness();
});
afterEach(() => h.close());

const act = (prompt: string, more: object = {}) => h.runtime.prompt(h.caller(), 'act', { prompt, model: 'm', wait: true, ...more });
const call = (name: string, input: object) => ({ name, args: JSON.stringify(input) });
const sh = (command: string, more: object = {}) => call('sh', { command, ...more });
const bodyOf = (request: number) => h.model.requests[request]!.body;
const toolTexts = (request: number) =>
  bodyOf(request)
    .messages.filter(({ role }) => role === 'tool')
    .map(({ content }) => String(content));

describe('{#loop_queue} ask and act', () => {
  it('answer at once with 102, and with wait when the loop has ended, with the last text as result', async () => {
    h.model.answer({ kind: 'say', text: 'First.' }, { kind: 'say', text: 'Second.' });
    const started = await h.runtime.prompt(h.caller(), 'ask', { prompt: 'one', model: 'm' });
    expect(started).toEqual({ run: 'm-1', loop: 1, status: 102 });
    expect(await act('two', { run: 'm-1' })).toEqual({ run: 'm-1', loop: 2, status: 200, outcome: null, result: 'Second.' });
    expect(h.runtime.runInfo(h.sight, 'm-1')).toMatchObject({
      status: 200,
      turn: 2,
      usage: { inputTokens: 240, outputTokens: 60, cachedTokens: 0 },
      loops: [
        { mode: 'ask', result: 'First.' },
        { mode: 'act', result: 'Second.' },
      ],
    });
  });

  it('are answered one after another, in the order in which they came', async () => {
    h.model.answer({ kind: 'say', text: 'a' }, { kind: 'say', text: 'b' }, { kind: 'say', text: 'c' });
    const { run } = await h.runtime.prompt(h.caller(), 'act', { prompt: 'one', model: 'm' });
    expect(await h.runtime.prompt(h.caller(), 'act', { prompt: 'two', run })).toMatchObject({ loop: 2, status: 100 });
    await act('three', { run });
    expect(h.runtime.runInfo(h.sight, run).loops.map(({ result }) => result)).toEqual(['a', 'b', 'c']);
    const prompts = bodyOf(2)
      .messages.filter(({ role }) => role === 'user')
      .map(({ content }) => content);
    expect(prompts).toEqual(['one', 'two', 'three']);
  });

  it('go on when the request that waits for them is cancelled', async () => {
    h.model.answer({ kind: 'hang' });
    const controller = new AbortController();
    const waiting = h.runtime.prompt(h.caller('c', controller.signal), 'act', { prompt: 'x', model: 'm', wait: true });
    await h.model.received(1);
    controller.abort();
    await expect(waiting).rejects.toMatchObject({ kind: 'cancelled' });
    expect(h.runtime.runInfo(h.sight, 'm-1').status).toBe(102);
  });

  it('refuse what this version does not have, an unknown model and an unknown run, and say what there is', async () => {
    await expect(act('x', { fork: true })).rejects.toMatchObject({ kind: 'invalid_params' });
    await expect(act('x', { model: 'nope' })).rejects.toMatchObject({
      kind: 'not_found',
      message: expect.stringContaining('scripted') as string,
    });
    await expect(act('x', { run: 'nope' })).rejects.toMatchObject({
      kind: 'not_found',
      message: expect.stringContaining('startRun') as string,
    });
    await expect(act('x', { model: undefined })).rejects.toMatchObject({ kind: 'invalid_params' });
    expect(h.runtime.listRuns(h.sight)).toEqual([]);
  });
});

describe('{#turn_record} a turn', () => {
  it('records what the model said and every action before any of them is dispatched', async () => {
    h.model.answer(
      {
        kind: 'say',
        text: 'Two notes.',
        calls: [call('set', { path: 'known://a', body: '1' }), call('set', { path: 'known://b', body: '2' })],
      },
      { kind: 'say', text: 'Done.' },
    );
    await act('write');
    const created = h.events
      .filter(({ type }) => type === 'entry/changed')
      .map(({ payload }) => `${String(payload['path'])} ${String(payload['status'])}`);
    const from = created.indexOf('log://turn_1/model/text 200');
    expect(created.slice(from, from + 7)).toEqual([
      'log://turn_1/model/text 200',
      'log://turn_1/set/known-a 100',
      'log://turn_1/set/known-b 100',
      'known://a 200',
      'log://turn_1/set/known-a 200',
      'known://b 200',
      'log://turn_1/set/known-b 200',
    ]);
    expect(h.entry('m-1', 'known://b')).toMatchObject({ body: '2', category: 'knowledge' });
  });

  it('gives equal actions paths of their own', async () => {
    const same = call('get', { path: 'known://' });
    h.model.answer({ kind: 'say', calls: [same, same] }, { kind: 'say', text: 'ok' });
    await act('x');
    const paths = (await h.runtime.entries.list(h.sight, { run: 'm-1', pattern: 'log://turn_1/get/*' })).map(({ path }) => path);
    expect(paths).toEqual(['log://turn_1/get/known', 'log://turn_1/get/known-2']);
  });
});

describe('{#actions} what a model gets wrong', () => {
  it('comes back as a log entry that says what to do: unknown tool, bad input, unreadable arguments', async () => {
    h.model.answer(
      { kind: 'say', calls: [call('fly', {})] },
      { kind: 'say', calls: [call('sh', { cmd: 'ls' })] },
      { kind: 'say', calls: [{ name: 'get', args: '{"path": ' }] },
      { kind: 'say', text: 'I give up.' },
    );
    await act('x');
    expect(toolTexts(1).at(-1)).toMatch(/404 no_tool.*no tool "fly".*Use one of/s);
    expect(toolTexts(2).at(-1)).toMatch(/422 invalid_input.*cmd/s);
    const entries = await h.runtime.entries.list(h.sight, { run: 'm-1', pattern: 'log://turn_3/get/*' });
    expect(entries[0]).toMatchObject({ status: 422, outcome: 'bad_call', body: expect.stringContaining('JSON') as string });
  });

  it('does not reach tools that are not offered: no sh and no set in ask mode', async () => {
    h.model.answer({ kind: 'say', calls: [sh('touch x')] }, { kind: 'say', text: 'ok' });
    await h.runtime.prompt(h.caller(), 'ask', { prompt: 'x', model: 'm', wait: true });
    const offered = bodyOf(0).tools?.map(({ function: { name } }) => name);
    expect(offered).toEqual(['env', 'wait', 'get', 'search', 'fetch', 'tail', 'watch', 'think', 'ask_user', 'update', 'skill']);
    expect(toolTexts(1)[0]).toContain('403 not_offered');
  });

  it('stops the rest of the turn: what comes after a failure ends with aborted', async () => {
    h.model.answer(
      { kind: 'say', calls: [call('get', { path: 'known://none' }), call('set', { path: 'known://x', body: 'y' })] },
      { kind: 'say', text: 'ok' },
    );
    await act('x');
    expect(h.entry('m-1', 'log://turn_1/set/known-x')).toMatchObject({ status: 409, outcome: 'aborted' });
    expect(() => h.entry('m-1', 'known://x')).toThrow('no entry');
  });

  it('refuses to write what only the server writes', async () => {
    for (const path of ['log://turn_1/sh/x', 'sh://turn_9/x_1', 'prompt://loop_1/user']) {
      h.model.answer({ kind: 'say', calls: [call('set', { path, body: 'forged' })] }, { kind: 'say', text: 'ok' });
      const { run } = await act('x');
      expect((await h.runtime.entries.list(h.sight, { run, pattern: 'log://turn_1/set/*' }))[0]).toMatchObject({
        status: 403,
        outcome: 'forbidden',
      });
    }
  });
});

describe('{#loop_end} the end of a loop', () => {
  it('is claimed with update and status 200, whose text is the result', async () => {
    h.model.answer({
      kind: 'say',
      text: 'Closing.',
      calls: [call('update', { text: 'All done.', status: 200 }), call('set', { path: 'known://a', body: '1' })],
    });
    expect(await act('x')).toMatchObject({ status: 200, result: 'All done.' });
    expect(h.entry('m-1', 'known://a').body).toBe('1');
  });

  it('is refused when an action of the same turn failed, even one that came later', async () => {
    h.model.answer(
      { kind: 'say', calls: [call('update', { text: 'All done.', status: 200 }), call('get', { path: 'known://none' })] },
      { kind: 'say', text: 'Sorry.' },
    );
    expect(await act('x')).toMatchObject({ status: 200, result: 'Sorry.' });
    expect(h.entry('m-1', 'log://turn_1/update/all-done')).toMatchObject({ status: 409, outcome: 'refused' });
    expect(h.entry('m-1', 'log://turn_1/update/all-done').body).toMatch(/^Not told, because an action of this turn failed; an end/);
  });
});

describe('{#loop_limits} limits of a loop', () => {
  it('ends one that does the same three times with 499 repeated, and says so in the log', async () => {
    const same = { kind: 'say', calls: [call('get', { path: 'known://' })] } as const;
    h.model.answer(same, same, same);
    expect(await act('x')).toMatchObject({ status: 499, outcome: 'repeated' });
    expect(h.entry('m-1', 'log://turn_3/loop/limit-1')).toMatchObject({
      status: 499,
      body: expect.stringContaining('3 turns in a row') as string,
    });
    expect(h.runtime.runInfo(h.sight, 'm-1').status).toBe(499);
  });

  it('ends one whose actions were all refused three turns in a row with 499 strikes', async () => {
    for (const name of ['a', 'b', 'c']) h.model.answer({ kind: 'say', calls: [call('get', { path: `known://${name}` })] });
    expect(await act('x')).toMatchObject({ status: 499, outcome: 'strikes' });
  });

  it('does not count commands that ran and failed', async () => {
    for (let i = 1; i <= 4; i++) h.model.answer({ kind: 'say', calls: [sh(`exit ${i}`)] });
    h.model.answer({ kind: 'say', text: 'It fails.' });
    expect(await act('x', { yolo: true })).toMatchObject({ status: 200, result: 'It fails.' });
  });

  it('ends one at its last turn, and the run can be asked again', async () => {
    await h.close();
    h = await runtimeHarness({ limits: { turns: 2 } });
    for (const name of ['a', 'b']) h.model.answer({ kind: 'say', calls: [call('set', { path: `known://${name}`, body: name })] });
    expect(await act('x')).toMatchObject({ status: 499, outcome: 'turns' });
    h.model.answer({ kind: 'say', text: 'again' });
    expect(await act('go on', { run: 'm-1' })).toMatchObject({ status: 200, result: 'again' });
  });
});

describe('{#model_failure} a model that does not answer', () => {
  it('ends the loop at 500 with a log entry that says what to do, and the run lives on', async () => {
    h.model.answer({ kind: 'status', status: 401 });
    expect(await act('x')).toEqual({ run: 'm-1', loop: 1, status: 500, outcome: 'model_http', result: null });
    expect(h.entry('m-1', 'log://turn_1/model/error')).toMatchObject({
      status: 500,
      outcome: 'model_http',
      body: expect.stringContaining('key') as string,
    });
    h.model.answer({ kind: 'say', text: 'Back.' });
    expect(await act('y', { run: 'm-1' })).toMatchObject({ status: 200, result: 'Back.' });
  });

  it('is nudged once after an empty answer; a second one is model_empty', async () => {
    h.model.answer({ kind: 'say' }, { kind: 'say', text: 'There.' });
    expect(await act('x')).toMatchObject({ status: 200, result: 'There.' });
    expect(String(bodyOf(1).messages.at(-1)?.content)).toContain('empty');
    h.model.answer({ kind: 'say' }, { kind: 'say' });
    expect(await act('x')).toMatchObject({ status: 500, outcome: 'model_empty' });
  });

  it('is not even asked when the context is over its limit', async () => {
    expect(await act('word '.repeat(2000), { contextLimit: 1000 })).toMatchObject({ status: 500, outcome: 'model_context' });
    expect(h.model.requests).toHaveLength(0);
  });

  it('is named when it was removed while its prompt waited in the queue', async () => {
    h.runtime.addModel(h.caller(), { alias: 'gone', actual: 'x', provider: 'local' });
    h.model.answer({ kind: 'say', calls: [sh('true')] }, { kind: 'say', text: 'ok' });
    const { run } = await h.runtime.prompt(h.caller(), 'act', { prompt: 'a', model: 'm' });
    const { payload } = await h.event('run/proposal');
    const second = h.runtime.prompt(h.caller(), 'act', { prompt: 'b', run, model: 'gone', wait: true });
    h.runtime.removeModel(h.caller(), 'gone');
    h.runtime.resolve(h.caller(), run, { path: String(payload['path']), action: 'reject' });
    expect(await second).toMatchObject({ status: 500, outcome: 'model_config' });
    expect(h.entry(run, 'log://turn_3/model/error').body).toContain('"gone"');
  });
});
