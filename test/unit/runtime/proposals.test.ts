import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Plugin } from '../../../src/hooks/plugin.ts';
import { actionOf } from '../../../src/model/action.ts';
import type { Answer } from '../../../src/runtime/loop/answers.ts';
import { type RuntimeHarness, runtimeHarness } from './harness.ts';

let h: RuntimeHarness;
beforeEach(async () => {
  h = await runtimeHarness();
});
afterEach(() => h.close());

const sh = (command: string, more: object = {}) => ({ name: 'sh', args: JSON.stringify({ command, ...more }) });
const resolve = (path: string, answer: Omit<Answer, 'path'>, client = 'tester') =>
  h.runtime.resolve(h.caller(client), 'm-1', { path, ...answer });
const result = (request: number) => String(h.model.requests[request]!.body.messages.filter(({ role }) => role === 'tool').at(-1)?.content);

/** A run whose model has proposed one command; `ended` resolves with the loop. */
async function proposed(command: string, more: object = {}, params: object = {}) {
  h.model.answer({ kind: 'say', text: 'Let me.', calls: [sh(command, more)] }, { kind: 'say', text: 'Finished.' });
  const ended = h.runtime.prompt(h.caller(), 'act', { prompt: 'x', model: 'm', wait: true, ...params });
  const { payload } = await h.event('run/proposal');
  return { path: String(payload['path']), payload, ended };
}

describe('{#proposals} a proposal', () => {
  it('pauses the run at 202, tells every client, and is listed with what would be run', async () => {
    const { path, payload } = await proposed('echo hello', { cwd: '.', env: { A: '1' } });
    expect(payload).toMatchObject({
      run: 'm-1',
      path: 'log://turn_1/sh/echo-hello',
      action: 'sh',
      command: 'echo hello',
      summary: '$ echo hello (with A=1)',
      turn: 1,
    });
    expect(await h.runtime.proposals(h.sight)).toEqual([expect.objectContaining({ run: 'm-1', path, status: 202, command: 'echo hello' })]);
    expect((await h.runtime.proposals(h.sight))[0]?.attributes).toMatchObject({
      plan: { backend: 'process', spec: { cwd: h.root, env: { A: '1' }, stdin: false } },
    });
    expect(h.runtime.runInfo(h.sight, 'm-1')).toMatchObject({ status: 202, proposals: [path] });
    resolve(path, { action: 'reject' });
  });

  it('is run once it is accepted; the turn waits for its end and shows the model its output', async () => {
    const { path, ended } = await proposed('echo out; echo err >&2; exit 3');
    expect(resolve(path, { action: 'accept' })).toMatchObject({
      run: 'm-1',
      path,
      status: 102,
      resolution: { action: 'accept', by: 'tester' },
      channels: [
        { channel: 1, status: 102 },
        { channel: 2, status: 102 },
      ],
    });
    expect(h.runtime.requireRun(h.sight, 'm-1').status).toBe(102);
    expect(await ended).toMatchObject({ status: 200, result: 'Finished.' });
    expect(h.entry('m-1', path)).toMatchObject({ status: 500, outcome: 'exit:3' });
    expect(result(1)).toMatch(/exit:3.*stdout\):\nout.*stderr\):\nerr/s);
    expect((await h.event('run/resolved')).payload).toMatchObject({ run: 'm-1', path, status: 102, action: 'accept', by: 'tester' });
  });

  it('{#resolve_once} is first told to be answered and then what came of it', async () => {
    const { path, ended } = await proposed('true');
    resolve(path, { action: 'accept' });
    await ended;
    const told = h.events.filter(({ type, payload }) => payload['path'] === path && type !== 'entry/changed').map(({ type }) => type);
    expect(told).toEqual(['run/proposal', 'run/resolved', 'stream/started', 'stream/ended']);
    const changed = h.events.find(({ type, payload }) => type === 'entry/changed' && payload['path'] === path && payload['status'] === 102);
    expect(changed?.seq).toBeGreaterThan((await h.event('run/resolved')).seq);
  });

  it('that is rejected ends at 403, and the model is told why', async () => {
    const { path, ended } = await proposed('rm -rf build');
    expect(resolve(path, { action: 'reject', output: 'Use make clean.' })).toMatchObject({ status: 403 });
    await ended;
    expect(h.entry('m-1', path)).toMatchObject({ status: 403, outcome: 'rejected', body: 'Use make clean.' });
    expect(result(1)).toBe('[403 rejected] Use make clean.');
  });

  it('answered with error ends at 500', async () => {
    const { path, ended } = await proposed('deploy');
    expect(resolve(path, { action: 'error', output: 'No network here.' }).status).toBe(500);
    await ended;
    expect(h.entry('m-1', path)).toMatchObject({ status: 500, outcome: 'error', body: 'No network here.' });
  });

  it("accepted with output runs nothing: the output takes the place of the command's", async () => {
    const { path, ended } = await proposed('touch ran');
    expect(resolve(path, { action: 'accept', output: 'done by hand\n' })).toMatchObject({
      status: 200,
      channels: [{ channel: 1, bytes: 13, status: 200 }],
    });
    await ended;
    expect(result(1)).toContain('done by hand');
    expect(h.streams.read({ runId: h.runtime.requireRun(h.sight, 'm-1').id, path, channel: 1 }).data.toString()).toBe('done by hand\n');
    await expect(writeFile(join(h.root, 'ran'), '', { flag: 'wx' })).resolves.toBeUndefined();
  });

  it('accepted by a client that runs it itself takes what that client streams', async () => {
    const { path, ended } = await proposed('make');
    resolve(path, { action: 'accept', runner: 'client' });
    const runId = h.runtime.requireRun(h.sight, 'm-1').id;
    await h.streams.append({ runId, path, channel: 1, bytes: Buffer.from('built elsewhere\n'), offset: 0 });
    h.streams.completed(runId, path, { exitCode: 0 });
    await ended;
    expect(result(1)).toContain('built elsewhere');
  });

  it('that was proposed for a client to run is that also when the accept does not repeat it', async () => {
    h.runtime.startRun(h.caller(), { model: 'm', alias: 'm-1' });
    const { path } = await h.runtime.command(h.caller(), 'sh', { run: 'm-1', command: 'make', runner: 'client' });
    const answer = resolve(path, { action: 'accept' });
    expect(answer.resolution).toEqual({ action: 'accept', by: 'tester' });
    const run = h.runtime.requireRun(h.sight, 'm-1');
    expect(h.store.producers.list({ runId: run.id })).toMatchObject([{ runner: 'client' }]);
  });

  it('cannot be given to a runner that nobody could be; it then still waits', async () => {
    const { path } = await proposed('true');
    expect(() => resolve(path, { action: 'accept', runner: 'no name' })).toThrow(expect.objectContaining({ kind: 'invalid_params' }));
    expect(() => resolve(path, { action: 'reject', runner: 'client' })).toThrow(expect.objectContaining({ kind: 'invalid_params' }));
    expect(() => resolve(path, { action: 'accept', runner: 'client', output: 'x' })).toThrow(
      expect.objectContaining({ kind: 'invalid_params' }),
    );
    expect(() => resolve('log://turn_1/sh/none', { action: 'accept' })).toThrow(expect.objectContaining({ kind: 'not_found' }));
    expect(() => resolve('known://x', { action: 'accept' })).toThrow(expect.objectContaining({ kind: 'invalid_params' }));
    expect(await h.runtime.proposals(h.sight)).toHaveLength(1);
    resolve(path, { action: 'reject' });
  });
});

describe('{#resolve_once} answers from several clients', () => {
  it('the first one wins; every other is refused with the answer that was there first', async () => {
    const { path, ended } = await proposed('echo once');
    resolve(path, { action: 'accept' }, 'alice');
    for (const action of ['accept', 'reject', 'error'] as const) {
      expect(() => resolve(path, { action }, 'bob')).toThrow(
        expect.objectContaining({
          kind: 'proposal_resolved',
          facts: expect.objectContaining({
            path,
            resolution: expect.objectContaining({ action: 'accept', by: 'alice' }) as object,
          }) as object,
        }),
      );
    }
    await ended;
    expect(h.entry('m-1', path).attributes['resolution']).toMatchObject({ action: 'accept', by: 'alice' });
    expect(h.events.filter(({ type }) => type === 'run/resolved')).toHaveLength(1);
    expect(h.streams.list({ sight: h.sight })).toHaveLength(1);
  });
});

describe('{#verdict} who decides on a proposal', () => {
  const rule = (verdict: 'allow' | 'ask' | 'deny'): Plugin => ({
    name: 'rule',
    setup: ({ filter }) => filter('proposal.verdict', () => verdict),
  });

  it('nobody is asked in a yolo loop', async () => {
    h.model.answer({ kind: 'say', calls: [sh('echo quick')] }, { kind: 'say', text: 'ok' });
    expect(await h.runtime.prompt(h.caller(), 'act', { prompt: 'x', model: 'm', wait: true, yolo: true })).toMatchObject({ status: 200 });
    expect(h.entry('m-1', 'log://turn_1/sh/echo-quick')).toMatchObject({
      status: 200,
      attributes: { resolution: { action: 'accept', by: 'yolo' } },
    });
    expect(h.events.some(({ type }) => type === 'run/proposal')).toBe(false);
  });

  it('a rule allows, or denies even where yolo would accept', async () => {
    await h.close();
    h = await runtimeHarness({ more: [rule('deny')] });
    h.model.answer({ kind: 'say', calls: [sh('touch x')] }, { kind: 'say', text: 'ok' });
    await h.runtime.prompt(h.caller(), 'act', { prompt: 'x', model: 'm', wait: true, yolo: true });
    expect(h.entry('m-1', 'log://turn_1/sh/touch-x')).toMatchObject({ status: 403, outcome: 'denied' });
    await h.close();
    h = await runtimeHarness({ more: [rule('allow')] });
    h.model.answer({ kind: 'say', calls: [sh('echo x')] }, { kind: 'say', text: 'ok' });
    await h.runtime.prompt(h.caller(), 'act', { prompt: 'x', model: 'm', wait: true });
    expect(h.entry('m-1', 'log://turn_1/sh/echo-x')).toMatchObject({ status: 200, attributes: { resolution: { by: 'policy' } } });
  });

  it('tools that propose are not offered with noProposals', async () => {
    h.model.answer({ kind: 'say', text: 'ok' });
    await h.runtime.prompt(h.caller(), 'act', { prompt: 'x', model: 'm', wait: true, noProposals: true });
    expect(h.model.requests[0]!.body.tools?.map(({ function: { name } }) => name)).toEqual([
      ...['wait', 'signal', 'cancel', 'get', 'set', 'rm', 'mv', 'cp', 'known', 'unknown', 'think', 'update', 'skill'],
    ]);
  });
});

describe('{#ask_user} a question of the model', () => {
  it('waits for an output, which becomes the result', async () => {
    h.model.answer(
      { kind: 'say', calls: [{ name: 'ask_user', args: '{"question":"Which one?","options":["a","b"]}' }] },
      { kind: 'say', text: 'ok' },
    );
    const ended = h.runtime.prompt(h.caller(), 'act', { prompt: 'x', model: 'm', wait: true, yolo: true });
    const { payload } = await h.event('run/proposal');
    const path = String(payload['path']);
    expect(payload).toMatchObject({
      action: 'ask_user',
      summary: 'Which one?',
      attributes: { question: 'Which one?', options: ['a', 'b'] },
    });
    expect(() => resolve(path, { action: 'accept' })).toThrow(
      expect.objectContaining({ kind: 'invalid_params', message: expect.stringContaining('output') as string }),
    );
    expect(resolve(path, { action: 'accept', output: 'b' })).toMatchObject({ status: 200 });
    await ended;
    expect(result(1)).toBe('b');
  });

  it('is what clients tell by its attribute: a plugin that proposes what nothing carries out has it, one with `accepted` never has', async () => {
    const asking: Plugin = {
      name: 'asking',
      setup({ tool, z }) {
        const common = { doc: 'd', traits: ['proposes' as const], params: z.object({}) };
        tool({ ...common, name: 'survey', handler: () => ({ kind: 'proposal', summary: 'How was it?' }) });
        tool({
          ...common,
          name: 'deploy',
          handler: () => ({ kind: 'proposal', summary: 'deploy it', attributes: { question: 'Sure?' } }),
          accepted: () => ({ kind: 'done', body: 'deployed' }),
        });
      },
    };
    await h.close();
    h = await runtimeHarness({ more: [asking] });
    const calls = ['survey', 'deploy'].map((name) => ({ name, args: '{}' }));
    h.model.answer({ kind: 'say', calls }, { kind: 'say', text: 'ok' });
    const ended = h.runtime.prompt(h.caller(), 'act', { prompt: 'x', model: 'm', wait: true });
    const survey = (await h.event('run/proposal', { action: 'survey' })).payload;
    expect(actionOf(survey['attributes'] as Record<string, unknown>).question).toEqual({ text: 'How was it?', options: [] });
    resolve(String(survey['path']), { action: 'accept', output: 'Fine' });
    const deploy = (await h.event('run/proposal', { action: 'deploy' })).payload;
    expect(actionOf(deploy['attributes'] as Record<string, unknown>).question).toBeUndefined();
    resolve(String(deploy['path']), { action: 'accept' });
    expect(await ended).toMatchObject({ status: 200 });
    expect(h.entry('m-1', String(deploy['path']))).toMatchObject({ status: 200, body: 'deployed' });
  });
});

describe('{#yield} a command that takes longer than its turn waits', () => {
  it('runs on in the background; the model is told that, and later of its end', async () => {
    h.model.answer(
      { kind: 'say', calls: [sh('echo early; while [ ! -e go ]; do sleep 0.02; done; echo late', { yield_ms: 0 })] },
      { kind: 'say', text: 'It runs.' },
    );
    const first = await h.runtime.prompt(h.caller(), 'act', { prompt: 'x', model: 'm', wait: true, yolo: true });
    expect(first).toMatchObject({ status: 200, result: 'It runs.' });
    expect(result(1)).toContain('still running in the background');
    await writeFile(join(h.root, 'go'), '');
    await h.event('stream/ended');
    h.model.answer({ kind: 'say', text: 'Seen.' }, { kind: 'say', text: 'Again.' });
    await h.runtime.prompt(h.caller(), 'act', { prompt: 'and?', run: 'm-1', wait: true });
    const messages = h.model.requests[2]!.body.messages.map(({ role, content }) => `${role}: ${String(content)}`);
    // What was shown before stays as it was; the end is news, told once and in the same place ever after.
    expect(messages.find((message) => message.startsWith('tool:'))).not.toMatch(/\nlate/);
    expect(messages.at(-1)).toMatch(/^user: A command of yours has ended.*late/s);
    await h.runtime.prompt(h.caller(), 'act', { prompt: 'and now?', run: 'm-1', wait: true });
    const later = h.model.requests[3]!.body.messages.map(({ role, content }) => `${role}: ${String(content)}`);
    expect(later.slice(0, messages.length)).toEqual(messages);
    expect(later.filter((message) => message.includes('command of yours has ended'))).toHaveLength(1);
  });
});
