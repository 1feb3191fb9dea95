import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ToolHarness, toolHarness } from './producers.ts';

let t: ToolHarness;
beforeEach(async () => {
  t = await toolHarness();
  await mkdir(join(t.h.root, 'conf'));
  await writeFile(join(t.h.root, 'conf/.env'), 'TOKEN=x\n');
  await symlink('conf/.env', join(t.h.root, 'notes.txt'));
  await symlink('conf', join(t.h.root, 'open'));
});
afterEach(() => t.h.close());

const add = (decision: 'allow' | 'deny', rule: string) => t.h.runtime.policy.add(t.h.caller('boss'), { decision, rule });

describe('{#policy_rules} a rule that denies a file', () => {
  it.each<[string, string, (root: string) => object]>([
    ['tail', '**/.env', () => ({ path: 'conf/.env' })],
    ['tail', '**/.env', () => ({ path: './conf//../conf/.env' })],
    ['tail', '**/.env', () => ({ path: 'notes.txt' })],
    ['search', '**/.env', (root) => ({ pattern: 'x', path: join(root, 'conf/.env') })],
    ['search', '**/.env', (root) => ({ pattern: 'x', path: `../${basename(root)}/conf/.env` })],
    ['search', 'conf/**', () => ({ pattern: 'x', path: 'open' })],
    ['search', '**', () => ({ pattern: 'x' })],
    ['watch', 'conf', (root) => ({ path: join(root, 'conf/') })],
    ['watch', 'conf', () => ({ path: 'open' })],
    ['set', '**/.env', () => ({ path: 'file://notes.txt', body: 'y' })],
    ['rm', '**/.env', () => ({ path: 'file://open/.env' })],
    ['mv', '**/.env', () => ({ path: 'file://conf/.env', to: 'file://x' })],
    ['mv', 'conf/**', () => ({ path: 'file://notes.txt', to: 'file://open/x' })],
    ['cp', 'conf/**', () => ({ path: 'file://conf/.env', to: 'file://open/x' })],
  ])('holds for %s whatever way the file is written: %s', async (tool, pattern, input) => {
    add('allow', `${tool}(*)`);
    add('deny', `${tool}(file://${pattern})`);
    await t.call(tool, input(t.h.root));
    expect(t.log(tool)).toMatchObject({ status: 403, outcome: 'denied', body: expect.stringContaining(`file://${pattern}`) as string });
  });
});

describe('{#policy_remember} of a file behind a link', () => {
  it('both of its paths are remembered, and the next time nobody is asked', async () => {
    const ended = t.call('set', { path: 'file://notes.txt', body: 'y' }, {});
    const { path, attributes } = (await t.h.event('run/proposal')).payload;
    expect(attributes).toMatchObject({ remember: ['set(file://notes.txt)', 'set(file://conf/.env)'] });
    t.h.runtime.resolve(t.h.caller(), 'm-1', { path: String(path), action: 'accept', remember: true });
    await ended;
    t.h.model.answer(
      { kind: 'say', calls: [{ name: 'set', args: '{"path":"file://notes.txt","body":"z"}' }] },
      { kind: 'say', text: 'ok' },
    );
    await t.h.runtime.prompt(t.h.caller(), 'act', { prompt: 'x', model: 'm', wait: true });
    const entries = await t.h.runtime.entries.list(t.h.sight, { run: 'm-2' });
    expect(entries.find((entry) => entry.path.startsWith('log://turn_1/set/'))).toMatchObject({
      status: 200,
      attributes: { verdict: { decision: 'allow', commands: [{ text: 'file://notes.txt' }, { text: 'file://conf/.env' }] } },
    });
  });
});
