import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../../../src/runtime/config.ts';
import type { Answer } from '../../../src/runtime/loop/answers.ts';
import { type RuntimeHarness, runtimeHarness } from './harness.ts';

let h: RuntimeHarness;
beforeEach(async () => {
  h = await runtimeHarness();
});
afterEach(() => h.close());

const answer = (path: string, given: Omit<Answer, 'path'>, client = 'tester') =>
  h.runtime.resolve(h.caller(client), 'm-1', { path, ...given });
/** Lets the model call a tool and then end; resolves with the loop. */
const act = (tool: string, command: string, params: object = {}, more: object = {}) => {
  const args = JSON.stringify({ command, ...more });
  h.model.answer({ kind: 'say', text: 'Let me.', calls: [{ name: tool, args }] }, { kind: 'say', text: 'Finished.' });
  return h.runtime.prompt(h.caller(), 'act', { prompt: 'x', model: 'm', wait: true, ...params });
};
/** A command that waits for an answer. */
const proposed = async (command: string, tool = 'sh', more: object = {}) => {
  const ended = act(tool, command, {}, more);
  const { payload } = await h.event('run/proposal', { command });
  return { path: String(payload['path']), attributes: payload['attributes'] as Record<string, unknown>, ended };
};
const add = (decision: 'allow' | 'ask' | 'deny', rule: string) => h.runtime.policy.add(h.caller('boss'), { decision, rule });
const stored = () => h.runtime.policy.list(h.project.id, true).rules;
const verdict = (path: string, run = 'm-1') => h.entry(run, path).attributes['verdict'];

describe('{#verdict} rules decide before anybody is asked', () => {
  it('and start what is allowed, with the verdict in the log entry {#policy_audit}', async () => {
    add('allow', 'sh(echo *)');
    await act('sh', 'echo hello && echo again');
    const path = 'log://turn_1/sh/echo-hello-echo-again';
    expect(h.entry('m-1', path)).toMatchObject({ status: 200, attributes: { resolution: { action: 'accept', by: 'policy' } } });
    expect(verdict(path)).toMatchObject({
      decision: 'allow',
      by: 'rule',
      rule: 'allow sh(echo *)',
      commands: [{ text: 'echo hello' }, { text: 'echo again' }],
    });
    expect(h.events.some(({ type }) => type === 'run/proposal')).toBe(false);
  });

  it('and end what is denied, also under yolo, and tell the model which rule it was', async () => {
    const { id } = add('deny', 'sh(touch *)');
    await act('sh', 'true; touch made', { yolo: true });
    const entry = h.entry('m-1', 'log://turn_1/sh/true-touch-made');
    expect(entry).toMatchObject({
      status: 403,
      outcome: 'denied',
      attributes: { verdict: { decision: 'deny', rule: 'deny sh(touch *)' } },
    });
    expect(entry.body).toContain('deny sh(touch *)');
    const run = h.runtime.startRun(h.caller(), { model: 'm', alias: 'own', yolo: true });
    await expect(h.runtime.command(h.caller(), 'sh', { run: run.alias, command: 'touch made' })).rejects.toMatchObject({
      kind: 'forbidden',
    });
    // The file was never made, so it can be.
    await writeFile(join(h.root, 'made'), '', { flag: 'wx' });
    h.runtime.policy.remove(h.caller('boss'), Number(id));
    const again = await h.runtime.command(h.caller(), 'sh', { run: run.alias, command: 'touch made', yield_ms: 10_000 });
    expect(verdict(again.path, 'own')).toMatchObject({ decision: 'allow', by: 'yolo' });
  });

  it.each([
    ['one that is too long to be read', `: ; touch made # ${'x'.repeat(33_000)}`],
    ['one with an error of grammar', 'for x in a; do touch\tmade; done; ('],
    ['one of too many commands', `${'true;'.repeat(600)} touch made`],
    ['scripts inside of scripts', Array.from({ length: 10 }).reduce<string>((inner) => `sh -c ${JSON.stringify(inner)}`, 'touch made')],
  ])('and leave %s to a person under yolo where something is denied', async (_, command) => {
    const run = h.runtime.startRun(h.caller(), { model: 'm', alias: 'own', yolo: true });
    const { id } = add('deny', 'sh(touch *)');
    const { path, status } = await h.runtime
      .command(h.caller(), 'sh', { run: run.alias, command })
      .catch(() => ({ path: '', status: 403 }));
    expect(status).not.toBe(102);
    if (status !== 403) {
      expect(status).toBe(202);
      expect(verdict(path, 'own')).toMatchObject({ decision: 'ask', reason: expect.stringContaining('yolo does not accept') as string });
    }
    h.runtime.policy.remove(h.caller('boss'), Number(id));
    const open = await h.runtime.command(h.caller(), 'sh', { run: run.alias, command: 'true', yield_ms: 10_000 });
    expect(verdict(open.path, 'own')).toMatchObject({ decision: 'allow', by: 'yolo' });
  });

  it('and ask about a command that is given variables or runs elsewhere, whatever rules say of its text', async () => {
    add('allow', 'sh');
    const { path, attributes, ended } = await proposed('true', 'sh', { env: { PATH: '/tmp' } });
    expect(attributes['verdict']).toMatchObject({ decision: 'ask', by: 'none', reason: expect.stringContaining('PATH') as string });
    expect(attributes['remember']).toBeUndefined();
    answer(path, { action: 'reject' });
    await ended;
  });

  it('once: what waits is not judged again', async () => {
    const { path, ended } = await proposed('echo waits');
    add('allow', 'sh(echo *)');
    expect(await h.runtime.proposals(h.sight)).toHaveLength(1);
    answer(path, { action: 'reject' });
    await ended;
  });
});

describe('{#policy_printed} what is run', () => {
  // A shell tells by its own arguments what it was given.
  const command = 'cat  /proc/$$/cmdline > "given"; true # and so on';
  const given = async () => (await readFile(join(h.root, 'given'), 'utf8')).replaceAll('\0', ' ').trim();

  it('is the line that was judged where a rule allows it, and the log shows the text as proposed', async () => {
    add('allow', 'sh(cat *)');
    add('allow', 'set(file://given)');
    await act('sh', command);
    expect(await given()).toBe(`/bin/sh -c 'cat' '/proc/'$$'/cmdline' > 'given'\n'true'`);
    const entry = h.entry('m-1', 'log://turn_1/sh/cat-proc-cmdline-given-true-and-so-on');
    expect(entry).toMatchObject({ status: 200, attributes: { plan: { spec: { command } } } });
  });

  it.each(['sh', 'bash'] as const)('of a script behind %s -c is that script printed again', async (shell) => {
    add('allow', 'sh(cat *)');
    add('allow', 'set(file://given)');
    await act('sh', `true; ${shell} -c "cat  /proc/self/cmdline; true" > given`);
    expect(await given()).toBe('cat /proc/self/cmdline');
    await act('sh', `${shell} -c 'cat  /proc/$$/cmdline; true' > given`, { run: 'm-1' });
    expect(await given()).toBe(`${shell} -c 'cat' '/proc/'$$'/cmdline'\n'true'`);
  });

  it('is the text as it was shown where a person accepts it, or yolo does', async () => {
    const { path, ended } = await proposed(command);
    answer(path, { action: 'accept' });
    await ended;
    expect(await given()).toBe(`/bin/sh -c ${command}`);
    await act('sh', command, { yolo: true, run: 'm-1' });
    expect(await given()).toBe(`/bin/sh -c ${command}`);
  });
});

describe('{#policy_defaults} what only looks', () => {
  it.each(['env', 'sh'])('is allowed to the tool %s of the model, inside of the project', async (tool) => {
    await mkdir(join(h.root, 'src'));
    await writeFile(join(h.root, 'src', 'a.ts'), 'text\n');
    await act(tool, 'ls src && cat src/a.ts');
    expect(verdict(`log://turn_1/${tool}/ls-src-cat-src-a-ts`)).toMatchObject({ decision: 'allow', by: 'default' });
  });

  it.each([
    ['env', 'cat .env', {}],
    ['env', 'touch x', {}],
    ['env', 'ls', { stdin: true }],
    ['sh', 'cat .env', {}],
    ['sh', 'touch x', {}],
    ['sh', 'ls && touch x', {}],
    ['sh', 'echo x', {}],
    ['sh', 'ls; echo "$HOME"', {}],
    ['sh', 'ls', { stdin: true }],
  ])('is asked by %s for %s %j', async (tool, command, more) => {
    const { path, ended } = await proposed(command, tool, more);
    answer(path, { action: 'reject' });
    await ended;
  });

  it('is asked about when a rule says so, and when the configuration turns it off', async () => {
    add('ask', 'env(ls *)');
    const first = await proposed('ls', 'env');
    answer(first.path, { action: 'reject' });
    await first.ended;
    await h.restart(undefined, undefined, { policy: { rules: [], readOnly: false } });
    const second = await proposed('pwd', 'env');
    h.runtime.resolve(h.caller(), 'm-2', { path: second.path, action: 'reject' });
    await second.ended;
  });
});

describe('{#policy_remember} an answer with remember', () => {
  it('writes the rules that the proposal showed, with who gave it, and the next time nobody is asked', async () => {
    const { path, attributes, ended } = await proposed('git status --short; echo done');
    expect(attributes['remember']).toEqual(['sh(git status --short) in .']);
    expect(answer(path, { action: 'accept', remember: true }, 'alice')).toMatchObject({ remembered: ['sh(git status --short) in .'] });
    await ended;
    expect(stored()).toEqual([
      expect.objectContaining({
        source: 'stored',
        decision: 'allow',
        rule: 'sh(git status --short) in .',
        by: 'alice',
        via: `m-1 ${path}`,
      }),
    ]);
    expect((await h.event('policy/changed')).payload).toMatchObject({
      change: 'added',
      rule: { rule: 'sh(git status --short) in .', by: 'alice' },
    });
    await h.restart();
    await act('sh', 'git status --short');
    expect(verdict('log://turn_1/sh/git-status-short', 'm-2')).toMatchObject({
      decision: 'allow',
      rule: 'allow sh(git status --short) in .',
    });
    await mkdir(join(h.root, 'evil'));
    for (const [at, command, more] of [
      [3, 'git status -b', {}],
      [4, 'git status --short', { cwd: 'evil' }],
    ] as const) {
      const wider = await proposed(command, 'sh', more);
      h.runtime.resolve(h.caller(), `m-${at}`, { path: wider.path, action: 'reject' });
      await wider.ended;
    }
  });

  it('belongs to the first of two clients; the second writes nothing {#resolve_once}', async () => {
    const { path, ended } = await proposed('echo once');
    answer(path, { action: 'reject', remember: true }, 'alice');
    expect(() => answer(path, { action: 'accept', remember: true }, 'bob')).toThrow(expect.objectContaining({ kind: 'proposal_resolved' }));
    await ended;
    expect(stored()).toEqual([expect.objectContaining({ decision: 'deny', rule: 'sh(echo once)', by: 'alice' })]);
    await act('sh', 'echo once');
    expect(h.entry('m-2', 'log://turn_1/sh/echo-once')).toMatchObject({ status: 403, outcome: 'denied' });
  });

  it('is refused where no narrow rule can be made, and the proposal waits on', async () => {
    const { path, ended } = await proposed('sh -c "$x"');
    for (const refused of [
      [{ action: 'accept', remember: true }, 'unsupported'],
      [{ action: 'error', remember: true }, 'invalid_params'],
      [{ action: 'accept', output: 'x', remember: true }, 'invalid_params'],
    ] as const) {
      expect(() => answer(path, refused[0])).toThrow(expect.objectContaining({ kind: refused[1] }));
    }
    expect(await h.runtime.proposals(h.sight)).toHaveLength(1);
    expect(stored()).toEqual([]);
    answer(path, { action: 'reject' });
    await ended;
  });
});

describe('{#policy_methods} rules', () => {
  it('are added once, listed, taken back, and stay on record {#policy_audit}', async () => {
    const first = add('allow', 'sh(ls *)');
    expect(add('allow', 'sh(ls *)')).toEqual(first);
    expect(h.runtime.policy.remove(h.caller('other'), Number(first.id))).toMatchObject({ removedBy: 'other' });
    expect(h.runtime.policy.list(h.project.id, false)).toEqual({ rules: [], readOnly: true });
    expect(stored()).toEqual([
      expect.objectContaining({ rule: 'sh(ls *)', by: 'boss', removedBy: 'other', removedAt: expect.any(Number) as number }),
    ]);
    expect(() => h.runtime.policy.remove(h.caller(), Number(first.id))).toThrow(expect.objectContaining({ kind: 'not_found' }));
    expect(() => add('allow', 'sh(')).toThrow(expect.objectContaining({ kind: 'invalid_params' }));
    expect(h.events.filter(({ type }) => type === 'policy/changed').map(({ payload }) => payload['change'])).toEqual(['added', 'removed']);
    await h.restart();
    expect(stored()).toHaveLength(1);
  });

  it('of one project are not those of another', () => {
    add('allow', 'sh(ls *)');
    const other = h.store.projects.open({ name: 'other', root: h.root, configPath: null });
    expect(h.runtime.policy.list(other.id, true).rules).toEqual([]);
    expect(() => h.runtime.policy.remove({ ...h.caller(), project: other }, 1)).toThrow(expect.objectContaining({ kind: 'not_found' }));
  });

  it('are tried with policy/check, which runs nothing', async () => {
    add('deny', 'sh(git push *)');
    const check = (question: Parameters<typeof h.runtime.policy.check>[1]) => h.runtime.policy.check(h.caller(), question);
    expect(await check({ tool: 'sh', command: 'make && git push' })).toMatchObject({
      decision: 'deny',
      rule: 'deny sh(git push *)',
      commands: [
        { text: 'make', decision: 'ask' },
        { text: 'git push', decision: 'deny' },
      ],
    });
    expect(await check({ tool: 'env', input: { command: 'ls' } })).toMatchObject({ decision: 'allow', by: 'default' });
    expect(await check({ tool: 'set', subjects: ['file://src/a.ts'] })).toMatchObject({
      decision: 'ask',
      remember: ['set(file://src/a.ts)'],
    });
    await expect(check({ tool: 'sh' })).rejects.toMatchObject({ kind: 'invalid_params' });
  });

  it('policy/check answers what a proposal gets, and refuses an input that it cannot say that of', async () => {
    for (const rule of ['sh', 'mv(file://out/**)', 'fetch(https://docs.example/*)', 'input(psql < select *)']) add('allow', rule);
    const check = (tool: string, question: object) => h.runtime.policy.check(h.caller(), { tool, ...question });
    expect(await check('sh', { input: { command: 'make' } })).toMatchObject({ decision: 'allow' });
    for (const more of [{ env: { NODE_OPTIONS: '--require ./x.js' } }, { ssh: { host: 'far.example' }, backend: 'ssh' }])
      expect(await check('sh', { input: { command: 'make', ...more } })).toMatchObject({ decision: 'ask', remember: [] });
    expect(await check('mv', { subjects: ['file://out/a', 'file://out/b'] })).toMatchObject({ decision: 'allow' });
    expect(await check('mv', { subjects: ['file://out/a', 'file://b'] })).toMatchObject({ decision: 'ask' });
    expect(await check('fetch', { subjects: ['https://docs.example/a'] })).toMatchObject({ decision: 'allow' });
    expect(await check('fetch', { subjects: ['DELETE https://docs.example/a'] })).toMatchObject({ decision: 'ask' });
    expect(await check('input', { subjects: ['psql < select 1; -- $(x)'] })).toMatchObject({ decision: 'allow' });
    for (const [tool, input] of Object.entries({
      fetch: { url: 'https://docs.example/a', method: 'DELETE' },
      mv: { path: 'file://out/a', to: 'file://b' },
      sh: { command: 'make', cmd: 'x' },
    })) {
      await expect(check(tool, { input })).rejects.toMatchObject({ kind: 'invalid_params' });
    }
    await expect(check('sh', { input: { command: 'ls', cwd: '/etc' } })).rejects.toMatchObject({ kind: 'forbidden' });
    await expect(check('sh', { command: 'ls', subjects: ['x'] })).rejects.toMatchObject({ kind: 'invalid_params' });
  });
});

describe('{#policy_rules} {#config} rules of the configuration', () => {
  const config = async (text: string) => {
    const file = join(h.folder, 'config.yaml');
    await writeFile(file, text);
    return await loadConfig(file);
  };

  it('hold for every project and cannot be taken back', async () => {
    const { policy } = await config("policy: {rules: [{allow: 'sh(echo *)'}, {deny: 'sh(rm *)'}]}");
    await h.restart(undefined, undefined, { policy });
    await act('sh', 'echo configured');
    expect(verdict('log://turn_1/sh/echo-configured')).toMatchObject({ decision: 'allow', rule: 'allow sh(echo *)' });
    expect(h.runtime.policy.list(h.project.id, false).rules).toEqual([
      { source: 'config', decision: 'allow', rule: 'sh(echo *)' },
      { source: 'config', decision: 'deny', rule: 'sh(rm *)' },
    ]);
  });

  it.each([
    ["policy: {rules: [{allow: 'sh('}]}", /policy\.rules\.0: .*write tool\(pattern\)/],
    ['policy: {rules: [{allow: sh, deny: sh}]}', /policy\.rules\.0/],
    ['policy: {readOnly: maybe}', /policy\.readOnly/],
  ])('are refused at the start when they are wrong: %s', async (text, message) => {
    await expect(config(text)).rejects.toThrow(message);
  });
});
