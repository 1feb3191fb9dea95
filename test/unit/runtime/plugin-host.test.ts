import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { Plugin } from '../../../src/hooks/plugin.ts';
import { bundledPlugins } from '../../../src/plugins/index.ts';
import { loadConfig } from '../../../src/runtime/index.ts';
import { tempFolder } from '../../support/temp-store.ts';
import { type RuntimeHarness, runtimeHarness } from './harness.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function folder(): Promise<string> {
  const temp = await tempFolder();
  closers.push(temp.remove);
  return temp.folder;
}

async function started(options: Parameters<typeof runtimeHarness>[0]): Promise<RuntimeHarness> {
  const h = await runtimeHarness(options);
  closers.push(h.close);
  return h;
}

const act = (h: RuntimeHarness, more: object = {}) => h.runtime.prompt(h.caller(), 'act', { prompt: 'x', model: 'm', wait: true, ...more });
const toolResult = (h: RuntimeHarness) =>
  String(
    h.model.requests
      .at(-1)!
      .body.messages.filter(({ role }) => role === 'tool')
      .at(-1)?.content,
  );

describe('{#plugins} plugins', () => {
  it('are loaded by path and by package name, relative to the configuration file', async () => {
    const base = await folder();
    const source = (name: string) => `export default { name: '${name}', setup({ tool, z }) {
      tool({ name: '${name}_tool', doc: 'd', params: z.object({}), handler: () => ({ kind: 'done', body: 'from ${name}' }) });
    } };`;
    await writeFile(join(base, 'local.mjs'), source('local'));
    for (const [name, entry] of [
      ['headgate-old', { main: 'i.mjs' }],
      ['headgate-new', { exports: { '.': { import: './i.mjs' } } }],
    ] as const) {
      await mkdir(join(base, 'node_modules', name), { recursive: true });
      await writeFile(join(base, 'node_modules', name, 'package.json'), JSON.stringify({ name, type: 'module', ...entry }));
      await writeFile(join(base, 'node_modules', name, 'i.mjs'), source(name.replace('headgate-', '')));
    }
    const h = await started({ plugins: { plugins: ['./local.mjs', 'headgate-old', 'headgate-new'], folder: base } });
    expect(h.runtime.plugins().slice(-3)).toEqual(['local', 'old', 'new'].map((name) => ({ name, tools: [`${name}_tool`] })));
    h.model.answer({ kind: 'say', calls: [{ name: 'local_tool', args: '{}' }] }, { kind: 'say', text: 'ok' });
    await act(h);
    expect(toolResult(h)).toBe('from local');
  });

  it('that cannot be loaded are named, left out whole, and told to the clients; the server goes on', async () => {
    const base = await folder();
    await writeFile(
      join(base, 'throws.mjs'),
      `export default { name: 'throws', setup({ tool, z, filter }) {
      tool({ name: 'half', doc: 'd', params: z.object({}), handler: () => ({ kind: 'done', body: '' }) });
      filter('tools.offered', () => []);
      throw new Error('no licence');
    } };`,
    );
    await writeFile(join(base, 'shapeless.mjs'), 'export default 42;');
    const h = await started({
      plugins: { plugins: ['./throws.mjs', './shapeless.mjs', './missing.mjs', 'no-such-package'], folder: base },
    });
    expect(h.runtime.plugins().slice(-4)).toEqual([
      { name: 'throws', tools: [], error: 'no licence' },
      { name: './shapeless.mjs', tools: [], error: expect.stringContaining('setup(context)') as string },
      { name: './missing.mjs', tools: [], error: expect.stringContaining('missing.mjs') as string },
      { name: 'no-such-package', tools: [], error: expect.stringContaining('no-such-package') as string },
    ]);
    expect(h.lines.filter(({ message }) => message.includes('left out')).map(({ plugin }) => plugin)).toContain('throws');
    h.model.answer({ kind: 'say', text: 'fine' });
    expect(await act(h)).toMatchObject({ status: 200 });
    expect(h.model.requests[0]!.body.tools?.map(({ function: { name } }) => name)).not.toContain('half');
    expect(h.events.find(({ type }) => type === 'ui/notify')?.payload).toMatchObject({
      level: 'error',
      text: expect.stringContaining('throws') as string,
    });
  });

  it('whose setup does not come to an end are left out, and can register nothing afterwards', async () => {
    let late: () => void = () => {};
    const slow: Plugin = {
      name: 'slow',
      setup: ({ filter }) => new Promise((resolve) => (late = () => resolve(filter('tools.offered', () => [])))),
    };
    const h = await started({ more: [slow], setupLimitMs: 20 });
    expect(h.runtime.plugins().at(-1)).toEqual({ name: 'slow', tools: [], error: 'its setup was not done within 20 ms' });
    late();
    expect((await h.runtime.validate(h.caller(), { prompt: 'x', model: 'm' })).tools).toContain('sh');
  });

  it('may not take the name of another one, nor of its tools, nor a reserved one', async () => {
    const tool = (plugin: string, name: string): Plugin => ({
      name: plugin,
      setup: (context) => context.tool({ name, doc: 'd', params: context.z.object({}), handler: () => ({ kind: 'done', body: '' }) }),
    });
    const h = await started({ more: [tool('sh', 'fresh'), tool('thief', 'sh'), tool('clerk', 'log'), tool('loud', 'SHOUT')] });
    expect(
      h.runtime
        .plugins()
        .slice(-4)
        .map(({ error }) => error),
    ).toEqual([
      expect.stringContaining('loaded already'),
      expect.stringContaining('from plugin "sh"'),
      expect.stringContaining('reserved'),
      expect.stringContaining('reserved'),
    ]);
    expect(
      h.runtime
        .plugins()
        .filter(({ error }) => error === undefined)
        .map(({ name }) => name),
    ).toEqual(bundledPlugins.map(({ name }) => name));
  });

  it('that throw in a hook are named in the log and in ui/notify, and hurt nobody', async () => {
    const bad: Plugin = {
      name: 'bad',
      setup({ on, filter }) {
        on('turn.started', () => {
          throw new Error('event trouble');
        });
        filter('context.assemble', () => Promise.reject(new Error('context trouble')));
      },
    };
    const h = await started({ more: [bad] });
    h.model.answer({ kind: 'say', text: 'fine' });
    expect(await act(h)).toMatchObject({ status: 200, result: 'fine' });
    const notices = h.events.filter(({ type }) => type === 'ui/notify').map(({ payload }) => payload['text']);
    expect(notices).toEqual([
      'plugin "bad" failed in turn.started: event trouble',
      'plugin "bad" failed in context.assemble: context trouble',
    ]);
    expect(h.lines.filter(({ plugin }) => plugin === 'bad').map(({ hook }) => hook)).toEqual(['turn.started', 'context.assemble']);
  });

  it('whose tool throws or answers nonsense end that action with 500 tool_failed, by name', async () => {
    const odd: Plugin = {
      name: 'odd',
      setup({ tool, z }) {
        tool({ name: 'throws', doc: 'd', params: z.object({}), handler: () => Promise.reject(new Error('broken')) });
        tool({ name: 'mumbles', doc: 'd', params: z.object({}), handler: () => 'done' as never });
      },
    };
    const h = await started({ more: [odd] });
    h.model.answer(
      { kind: 'say', calls: [{ name: 'throws', args: '{}' }] },
      { kind: 'say', calls: [{ name: 'mumbles', args: '{}' }] },
      { kind: 'say', text: 'ok' },
    );
    await act(h);
    expect(h.entry('m-1', 'log://turn_1/throws/throws')).toMatchObject({
      status: 500,
      outcome: 'tool_failed',
      body: 'The tool throws of plugin "odd" failed: broken',
    });
    expect(h.entry('m-1', 'log://turn_2/mumbles/mumbles')).toMatchObject({ status: 500, outcome: 'tool_failed' });
  });

  it('are told what happened, after it is stored, in order', async () => {
    const told: string[] = [];
    const spy: Plugin = {
      name: 'spy',
      setup({ on }) {
        on('run.created', ({ run }) => void told.push(`created ${run}`));
        on('loop.started', ({ loop }) => void told.push(`loop ${loop}`));
        on('turn.started', ({ turn }) => void told.push(`turn ${turn}`));
        on('proposal.created', ({ action }) => void told.push(`proposal ${action}`));
        on('producer.started', ({ command }) => void told.push(`started ${command}`));
        on('producer.ended', ({ status }) => void told.push(`ended ${status}`));
        on('proposal.resolved', ({ by }) => void told.push(`resolved by ${by}`));
        on('turn.ended', ({ turn }) => void told.push(`turn ${turn} ended`));
        on('loop.ended', ({ result }) => void told.push(`result ${result}`));
      },
    };
    const h = await started({ more: [spy] });
    h.model.answer({ kind: 'say', calls: [{ name: 'sh', args: '{"command":"true"}' }] }, { kind: 'say', text: 'ok' });
    const ended = act(h);
    const { payload } = await h.event('run/proposal');
    h.runtime.resolve(h.caller('alice'), 'm-1', { path: String(payload['path']), action: 'accept' });
    await ended;
    expect(told).toEqual([
      'created m-1',
      'loop 1',
      'turn 1',
      'proposal sh',
      'resolved by alice',
      'started true',
      'ended 200',
      'turn 1 ended',
      'turn 2',
      'turn 2 ended',
      'result ok',
    ]);
  });

  it('are disposed with the server, the last loaded first, after which nothing of them is called', async () => {
    const order: string[] = [];
    const one = (name: string): Plugin => ({ name, setup: ({ dispose }) => dispose(() => void order.push(name)) });
    const h = await runtimeHarness({ more: [one('first'), one('second')] });
    await h.close();
    expect(order).toEqual(['second', 'first']);
  });
});

describe('{#config} the configuration file', () => {
  const load = async (text: string) => {
    const file = join(await folder(), 'config.yaml');
    await writeFile(file, text);
    return { file, loaded: loadConfig(file) };
  };

  it('names plugins and providers; without them it may be empty', async () => {
    const { loaded } = await load('plugins: [./a.mjs]\nproviders:\n  local: {baseUrl: "http://127.0.0.1:1/v1", apiKeyEnv: MY_KEY}\n');
    expect(await loaded).toMatchObject({
      plugins: ['./a.mjs'],
      providers: { local: { baseUrl: 'http://127.0.0.1:1/v1', apiKeyEnv: 'MY_KEY' } },
    });
    expect(await (await load('')).loaded).toMatchObject({ plugins: [], providers: {} });
  });

  it('{#retention} says how long what is kept, in days; what it does not say keeps its default', async () => {
    expect((await (await load('retention: {runsDays: 90, eventsDays: 0.5}\n')).loaded).retention).toEqual({
      runsDays: 90,
      eventsDays: 0.5,
    });
    expect((await (await load('')).loaded).retention).toEqual({});
    await expect((await load('retention: {rpcLogDays: 0}\n')).loaded).rejects.toMatchObject({
      kind: 'invalid_params',
      message: expect.stringContaining('retention.rpcLogDays: must be more than 0 days') as string,
    });
  });

  it('{#sandbox_default} {#environment} names the sandbox of every command and the variables that commands inherit', async () => {
    const { loaded } = await load('sandbox: {mode: workspace, others: [ssh]}\nenvironment: {allow: [PATH, "LC_*"]}\n');
    expect(await loaded).toMatchObject({
      sandbox: { mode: 'workspace', network: false, others: ['ssh'] },
      environment: { allow: ['PATH', 'LC_*'] },
    });
    expect((await (await load('')).loaded).sandbox).toBeUndefined();
  });

  it.each([
    ['sandbox: {mode: none}', 'sandbox.mode'],
    ['sandbox: {mode: workspace, others: [docker]}', 'sandbox.others.0'],
    ['sandbox: {}', 'sandbox.mode'],
    ['environment: {allow: ["A=b"]}', 'environment.allow.0'],
    ['plugin: [a]', 'plugin'],
    ['providers: {x: {baseUrl: "ftp://y"}}', 'providers.x.baseUrl'],
    ['providers: {x: {baseUrl: "http://y", apiKeyEnv: "sk-live-123"}}', 'providers.x.apiKeyEnv'],
    ['plugins: [1]', 'plugins.0'],
    ['plugins: [', 'YAML'],
  ])('%s is refused with file and field', async (text, field) => {
    const { file, loaded } = await load(text);
    await expect(loaded).rejects.toMatchObject({
      kind: 'invalid_params',
      message: expect.stringContaining(field) as string,
      facts: { file },
    });
    await expect(loaded).rejects.toMatchObject({ message: expect.not.stringContaining('sk-live') as string });
  });

  it('that is not there is not_found', async () => {
    await expect(loadConfig(join(await folder(), 'none.yaml'))).rejects.toMatchObject({ kind: 'not_found' });
  });
});
