import { mkdir, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type RuntimeHarness, runtimeHarness } from './harness.ts';

let h: RuntimeHarness;
beforeEach(async () => {
  h = await runtimeHarness();
  const userFolder = join(h.folder, 'config');
  await h.restart(undefined, undefined, { userFolder });
});
afterEach(() => h.close());

const put = async (path: string, text: string) => {
  const file = join(h.folder, path);
  await mkdir(join(file, '..'), { recursive: true });
  await writeFile(file, text);
};
const skill = (name: string, description: string, text: string) =>
  `---\nname: ${name}\ndescription: ${description}\nlicense: MIT\n---\n\n${text}\n`;
const act = (prompt: string, more: object = {}) => h.runtime.prompt(h.caller(), 'act', { prompt, model: 'm', wait: true, ...more });
const shown = (request: number) => h.model.requests[request]!.body.messages.map(({ content }) => String(content));
const list = () => h.runtime.skills.list('skills', h.root);

describe('{#skills} skills', () => {
  it('are folders and files of the project, then of the user, by name and description', async () => {
    await put(
      'project/.headgate/skills/release/SKILL.md',
      skill('release-notes', 'Write: release notes', 'Do it.').replace('Write: ', 'Write '),
    );
    await put('project/.headgate/skills/plain.md', '# How to test\n\nRun it.');
    await put('config/skills/plain.md', 'of the user');
    await put('config/skills/mine.md', 'Mine alone.');
    expect(list().map(({ name, description, source }) => [name, description, source])).toEqual([
      ['mine', 'Mine alone.', 'user'],
      ['plain', 'How to test', 'project'],
      ['release-notes', 'Write release notes', 'project'],
    ]);
  });

  it('count as they are after every edit, also one that leaves size and name', async () => {
    for (const text of ['One.', 'Two.', 'Six.']) {
      await put('project/.headgate/skills/plain.md', text);
      expect(list()).toMatchObject([{ description: text }]);
      await utimes(join(h.root, '.headgate/skills/plain.md'), 1, 1);
      // Only what was changed some time ago is not read again.
      await vi.waitUntil(async () => Date.now() - (await stat(join(h.root, '.headgate/skills/plain.md'))).ctimeMs > 150);
      expect(list()).toMatchObject([{ description: text }]);
      expect(list()).toMatchObject([{ description: text }]);
    }
    await rm(join(h.root, '.headgate/skills/plain.md'));
    expect(list()).toEqual([]);
  });

  it('that cannot be used are named with what is wrong, and hurt no other', async () => {
    await put('secret.md', 'hidden');
    await put('project/.headgate/skills/good.md', 'Fine.');
    await put('project/.headgate/skills/yaml.md', '---\nname: [\n---\nx');
    await put('project/.headgate/skills/deep.md', `---\nname: ${'['.repeat(2000)}\n---\nx`);
    await put('project/.headgate/skills/long.md', `---\nname: ${'['.repeat(20_000)}\n---\nx`);
    await put('project/.headgate/skills/words.md', `---\nlist: [${'a,'.repeat(1000)}]\n---\nx`);
    await put('project/.headgate/skills/Big Name.md', 'x');
    await put('project/.headgate/skills/large.md', 'x'.repeat(64 * 1024 + 1));
    await put('project/.headgate/skills/empty.md', '---\nname: empty\n---\n');
    await symlink(join(h.folder, 'secret.md'), join(h.root, '.headgate/skills/leak.md'));
    const problems = Object.fromEntries(list().map(({ name, problem }) => [name, problem ?? 'none']));
    expect(problems).toMatchObject({ good: 'none', yaml: expect.stringContaining('no YAML') as string });
    expect(problems['deep']).toContain('nested deeper than 64 levels');
    expect(problems['long']).toContain('4096 are allowed');
    expect(problems['words']).toContain('more than 1000 words');
    expect(problems['Big Name']).toContain('a-z');
    expect(problems['large']).toContain('65537 bytes');
    expect(problems['empty']).toContain('no text');
    expect(problems['leak']).toContain('outside the project root');
    expect(() => h.runtime.skills.add(h.caller(), h.runtime.startRun(h.caller(), { model: 'm' }), 'yaml')).toThrow(
      /cannot be used.*no YAML/s,
    );
  });

  it('of a folder that is a loop of links, a file, or outside by way of a link are none, and files where folders should be hurt no other', async () => {
    const folder = join(h.root, '.headgate/skills');
    await put('project/.headgate/skills/good.md', 'Fine.');
    await put('project/.headgate/skills/file', 'x');
    await symlink('loop', join(folder, 'loop'));
    expect(list().map(({ name }) => name)).toEqual(['good']);
    await put('outside/secret.md', 'hidden');
    for (const target of ['skills', join(h.folder, 'outside'), join(h.folder, 'outside/secret.md')]) {
      await rm(folder, { recursive: true });
      await symlink(target, folder);
      expect(list(), target).toEqual([]);
    }
  });

  it('are told to the model by name, attached by it, and shown from there on', async () => {
    await put('project/.headgate/skills/release/SKILL.md', skill('release-notes', 'Write release notes', 'One line for each change.'));
    await put('project/.headgate/skills/release/template.md', '## Changes');
    h.model.answer(
      { kind: 'say', calls: [{ name: 'skill', args: '{"name":"release-notes"}' }] },
      { kind: 'say', calls: [{ name: 'skill', args: '{"name":"release-notes","file":"template.md"}' }] },
      { kind: 'say', text: 'done' },
      { kind: 'say', text: 'more' },
    );
    await act('write notes');
    expect(shown(0)[0]).toContain('- release-notes: Write release notes');
    expect(shown(0).join()).not.toContain('One line for each change.');
    expect(shown(1).slice(-2)).toEqual([
      expect.stringMatching(/attached.*template\.md/s),
      expect.stringContaining('One line for each change.'),
    ]);
    expect(shown(2).at(-1)).toBe('## Changes');
    expect(shown(2).slice(0, shown(1).length)).toEqual(shown(1));
    expect(h.runtime.skills.attached(h.runtime.requireRun(h.sight, 'm-1'))).toMatchObject([
      { name: 'release-notes', description: 'Write release notes', path: 'skill://release-notes', turn: 1 },
    ]);
    // The text is the one that was attached, whatever happens to the file.
    await put('project/.headgate/skills/release/SKILL.md', skill('release-notes', 'Other', 'Changed.'));
    await act('again', { run: 'm-1' });
    expect(shown(3).join()).toContain('One line for each change.');
    expect(shown(3).join()).not.toContain('Changed.');
  });

  it('never give a file outside of their folder', async () => {
    await put('project/.headgate/skills/s/SKILL.md', skill('s', 'd', 'Text.'));
    await put('project/private.txt', 'private');
    await symlink(join(h.root, 'private.txt'), join(h.root, '.headgate/skills/s/link.txt'));
    const files = ['../../../private.txt', join(h.root, 'private.txt'), 'link.txt', 'nothing.md', '.'];
    h.model.answer(
      ...files.map((file) => ({ kind: 'say' as const, calls: [{ name: 'skill', args: JSON.stringify({ name: 's', file }) }] })),
      {
        kind: 'say',
        text: 'ok',
      },
    );
    await h.restart(undefined, undefined, { limits: { strikes: 9 } });
    await act('x');
    const results = h.model.requests.at(-1)!.body.messages.filter(({ role }) => role === 'tool');
    expect(results).toHaveLength(files.length);
    for (const { content } of results) expect(String(content)).toMatch(/^\[404 .*cannot be read/s);
    expect(JSON.stringify(results)).not.toContain('"private"');
  });

  it('are attached and detached by clients, also while nothing runs', async () => {
    await put('project/.headgate/skills/s.md', 'About cows\n\nAlways say moo.');
    const run = h.runtime.startRun(h.caller(), { model: 'm', alias: 'r' });
    expect(h.runtime.skills.add(h.caller(), run, 's')).toEqual({ run: 'r', path: 'skill://s' });
    expect(() => h.runtime.skills.add(h.caller(), run, 'nope')).toThrow(/there is s, listSkills/);
    h.model.answer({ kind: 'say', text: 'moo' }, { kind: 'say', text: 'oh' });
    await act('x', { run: 'r' });
    expect(shown(0).join()).toContain('Always say moo.');
    expect(h.runtime.skills.remove(run, 's')).toEqual({ run: 'r', path: 'skill://s' });
    expect(() => h.runtime.skills.remove(run, 's')).toThrow(/getSkills/);
    await act('y', { run: 'r' });
    expect(shown(1).join()).not.toContain('Always say moo.');
  });
});

describe('{#personas} personas', () => {
  it('are set by name or as a text for the loops that follow, and taken away', async () => {
    await put('project/.headgate/personas/reviewer.md', '---\ndescription: Reads closely\n---\nYou review.');
    expect(h.runtime.skills.list('personas', h.root)).toMatchObject([
      { name: 'reviewer', description: 'Reads closely', source: 'project' },
    ]);
    h.runtime.startRun(h.caller(), { model: 'm', alias: 'r' });
    h.model.answer(...['a', 'b', 'c', 'd'].map((text) => ({ kind: 'say' as const, text })));
    expect(h.runtime.setPersona(h.caller(), 'r', { name: 'reviewer' })).toEqual({ run: 'r', persona: 'You review.' });
    await act('1', { run: 'r' });
    await act('2', { run: 'r', persona: 'You are terse.' });
    expect(h.runtime.setPersona(h.caller(), 'r', {})).toEqual({ run: 'r', persona: null });
    await act('3', { run: 'r' });
    await act('4', { run: 'r', persona: 'reviewer' });
    expect([0, 1, 2, 3].map((request) => /You review\.|You are terse\./.exec(shown(request)[0]!)?.[0])).toEqual([
      'You review.',
      'You are terse.',
      undefined,
      'You review.',
    ]);
    expect(() => h.runtime.setPersona(h.caller(), 'r', { name: 'nope' })).toThrow(/there is reviewer/);
    expect(() => h.runtime.setPersona(h.caller(), 'r', { name: 'reviewer', text: 'x' })).toThrow(/either/);
  });
});
