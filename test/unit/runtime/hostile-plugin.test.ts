import { execFileSync } from 'node:child_process';
import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deferred } from '../../../src/core/deferred.ts';
import type { Plugin, ToolDefinition } from '../../../src/hooks/plugin.ts';
import { bundledPlugins } from '../../../src/plugins/index.ts';
import { type RuntimeHarness, runtimeHarness } from './harness.ts';

let h: RuntimeHarness;
let faulty = false;
let calls = 0;
let verdict: Promise<void> | undefined;
const hangs = deferred();
const started = deferred();

const odd: Plugin = {
  name: 'odd',
  setup({ tool, producer, filter, z }) {
    filter('proposal.verdict', async (decision) => {
      await verdict;
      return decision;
    });
    tool({
      name: 'own',
      doc: 'd',
      params: z.looseObject({}),
      handler: () => ({ kind: 'proposal', summary: 'own' }),
      accepted: () => ({ kind: 'done', body: 'x' }),
    });
    const add = (name: string, handler: ToolDefinition['handler']) => tool({ name, doc: 'd', params: z.looseObject({}), handler });
    add('hang', async () => {
      started.resolve();
      await hangs.promise;
      return { kind: 'done', body: 'too late' };
    });
    add('count', () => {
      calls++;
      return { kind: 'done', body: 'counted' };
    });
    add('bigint', () => ({ kind: 'done', body: 'x', attributes: { size: 1n } }));
    producer({
      kind: 'quick',
      start: () => {
        calls++;
        return {};
      },
    });
    add('untold', () => ({
      kind: 'proposal',
      summary: 'quick',
      producer: { backend: 'quick', runner: 'server', spec: { input: {}, command: 'quick' } },
    }));
    tool({
      name: 'breaks',
      doc: 'd',
      params: z.looseObject({}),
      get traits() {
        if (faulty) throw new Error('broken');
        return [];
      },
      handler: () => {
        faulty = true;
        return { kind: 'done', body: 'x' };
      },
    });
  },
};

beforeEach(async () => {
  faulty = false;
  calls = 0;
  verdict = undefined;
  h = await runtimeHarness({ more: [odd], policy: { rules: [], readOnly: true } });
});
afterEach(() => h.close());

const say = (text: string) => ({ kind: 'say' as const, text });
const call = (...names: string[]) => ({ kind: 'say' as const, calls: names.map((name) => ({ name, args: '{}' })) });
const act = (params: object = {}) => h.runtime.prompt(h.caller(), 'act', { prompt: 'x', model: 'm', yolo: true, wait: true, ...params });
const log = (tool: string) => h.entry('m-1', `log://turn_1/${tool}/${tool}`);
const sent = () => JSON.stringify(h.model.requests.at(-1)?.body.messages);

describe('{#run_abort} a tool that does not heed the abort', () => {
  it('holds up neither the next prompt nor the stop of the server, and what it answers too late is not stored', async () => {
    h.model.answer(call('hang', 'count'), say('went on'));
    void act({ wait: false });
    await started.promise;
    h.runtime.abort(h.caller(), 'm-1');
    expect(await act({ run: 'm-1' })).toMatchObject({ status: 200, result: 'went on' });
    h.model.answer(call('hang'));
    void act({ run: 'm-1', wait: false });
    await h.model.received(3);
    await h.restart();
    hangs.resolve();
    h.runtime.abort(h.caller(), 'm-1');
    expect(log('hang')).toMatchObject({ status: 499, outcome: 'aborted' });
    expect(calls).toBe(0);
  });
});

describe('{#actions} a fault', () => {
  it('of a tool that answers what is no JSON is that tool’s, not the loop’s', async () => {
    h.model.answer(call('bigint'), say('ok'));
    expect(await act()).toMatchObject({ status: 200 });
    expect(log('bigint')).toMatchObject({ status: 500, outcome: 'tool_failed' });
  });

  it('of the server leaves no action open behind the loop that it ends', async () => {
    h.model.answer(call('breaks', 'count'), say('ok'));
    expect(await act()).toMatchObject({ status: 500, outcome: 'internal' });
    expect(log('count')).toMatchObject({ status: 500, outcome: 'internal' });
    faulty = false;
    expect(await act({ run: 'm-1' })).toMatchObject({ status: 200, result: 'ok' });
  });
});

describe('{#ask_mode} settings', () => {
  it('noProposals: what a tool proposes without saying so in its traits is refused and not run, in a yolo run too', async () => {
    h.model.answer(call('untold'), say('ok'));
    await act({ noProposals: true });
    expect(log('untold')).toMatchObject({ status: 403, outcome: 'not_offered' });
    expect(calls).toBe(0);
  });

  it('noRepo: neither the instructions nor a command that only looks read the project unasked', async () => {
    await writeFile(join(h.root, 'AGENTS.md'), 'the instructions');
    await writeFile(join(h.root, 'notes.txt'), 'the notes');
    const look = { kind: 'say' as const, calls: [{ name: 'env', args: '{"command":"cat notes.txt"}' }] };
    h.model.answer(look, say('ok'));
    await act({ yolo: false });
    expect(sent()).toContain('the instructions');
    expect(sent()).toContain('the notes');
    h.model.answer(look);
    void act({ yolo: false, noRepo: true, wait: false });
    await h.event('run/proposal', { run: 'm-2' });
    expect(sent()).not.toMatch(/the instructions|the notes/);
  });
});

describe('{#context} instructions', () => {
  it('that cannot be read are none: a pipe that nobody writes to, a link to itself', async () => {
    const file = join(h.root, 'AGENTS.md');
    execFileSync('mkfifo', [file]);
    h.model.answer(say('ok'), say('ok'));
    expect(await act()).toMatchObject({ status: 200 });
    execFileSync('rm', [file]);
    await symlink('AGENTS.md', file);
    expect(await act()).toMatchObject({ status: 200 });
    expect(h.lines).not.toContainEqual(expect.objectContaining({ message: 'a plugin failed in a hook' }));
    expect(sent()).toContain('"x"');
  });

  it('of more than 64 KiB end at a whole character and say how much is left', async () => {
    await writeFile(join(h.root, 'AGENTS.md'), `a${'ü'.repeat(40_000)}`);
    h.model.answer(say('ok'));
    await act();
    expect(h.entry('m-1', 'prompt://loop_1/instructions').body).toMatch(/ü\n\[AGENTS\.md goes on: 14466 more bytes are in the file\]$/);
  });
});

describe('{#resolve_once} a proposal whose plugin is gone', () => {
  it('is taken for no question: nothing accepts it, and it can be rejected', async () => {
    h.model.answer(call('own'), say('went on'));
    const over = act({ yolo: false, wait: false });
    await h.event('run/proposal');
    await over;
    await h.restart(undefined, undefined, { bundled: bundledPlugins });
    const answer = (action: 'accept' | 'reject', output?: string) =>
      h.runtime.resolve(h.caller(), 'm-1', { path: 'log://turn_1/own/own', action, output });
    for (const output of [undefined, 'done'])
      expect(() => answer('accept', output)).toThrow(expect.objectContaining({ kind: 'unsupported' }) as Error);
    expect(answer('reject')).toMatchObject({ status: 403 });
    await h.event('run/state', { loop: 1, status: 200 });
  });
});

describe('{#client_commands} a run that changes while its command is looked at', () => {
  it('is told of under its new name, or not at all when it is deleted', async () => {
    const looked = deferred();
    verdict = looked.promise;
    for (const alias of ['one', 'two']) h.runtime.startRun(h.caller(), { model: 'm', alias });
    const renamed = h.runtime.command(h.caller(), 'sh', { run: 'one', command: 'echo' });
    const deleted = h.runtime.command(h.caller(), 'sh', { run: 'two', command: 'echo' });
    h.runtime.rename(h.caller(), 'one', 'three');
    h.runtime.remove(h.caller(), 'two');
    looked.resolve();
    expect(await renamed).toMatchObject({ run: 'three', status: 202 });
    await expect(deleted).rejects.toMatchObject({ kind: 'not_found' });
    const told = h.events.filter(({ type }) => type === 'run/proposal').map(({ payload }) => payload['run']);
    expect(told).toEqual(['three']);
  });
});
