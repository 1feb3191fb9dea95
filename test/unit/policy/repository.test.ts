import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { judge } from '../../../src/policy/index.ts';

let root: string;
const git = (...args: string[]) => execFileSync('git', ['-c', 'user.name=x', '-c', 'user.email=x', ...args], { cwd: root, stdio: 'pipe' });
const verdict = async (command = 'git status') =>
  await judge({ kind: 'shell', tool: 'env', command, root, cwd: root, doubts: [], looks: true }, []);

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'headgate-repository-'));
  git('init', '-q', '-b', 'main');
  writeFileSync(join(root, 'a.ts'), 'one\n');
  git('add', 'a.ts');
  git('commit', '-qm', 'x');
  writeFileSync(join(root, 'a.ts'), 'two\n');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

describe('{#policy_defaults} git in a repository', () => {
  it('whose settings are those of git and of its remotes only looks', async () => {
    git('remote', 'add', 'origin', 'https://example.org/x.git');
    git('config', 'core.hooksPath', '.husky');
    git('config', 'user.name', 'Ann');
    git('branch', 'next');
    git('config', 'branch.next.remote', 'origin');
    expect(await verdict('git status && git diff && git log -p')).toMatchObject({ decision: 'allow', by: 'default' });
  });

  it('of a linked working tree only looks as well', async () => {
    git('worktree', 'add', '-q', 'tree');
    root = join(root, 'tree');
    expect(await verdict()).toMatchObject({ decision: 'allow' });
    root = join(root, '..');
  });

  it.each([
    ['core.fsmonitor', 'touch ran; :', 'git status'],
    ['diff.external', 'touch ran; :', 'git diff'],
    ['diff.x.textconv', 'touch ran; cat', 'git diff'],
    ['diff.x.command', 'touch ran; :', 'git diff'],
    ['filter.x.clean', 'touch ran; cat', 'git diff'],
  ])('whose %s runs a program is asked about', async (setting, value, command) => {
    git('config', setting, value);
    writeFileSync(join(root, '.gitattributes'), '* diff=x filter=x\n');
    const answer = await verdict(command);
    expect(answer).toMatchObject({ decision: 'ask' });
    expect(answer.reason).toContain('the configuration of the repository sets');
    // What would have become of it.
    execFileSync('git', command.split(' ').slice(1), { cwd: root, stdio: 'pipe' });
    expect(existsSync(join(root, 'ran'))).toBe(true);
  });

  it.each([
    ['a line of 200,000 blanks', `[core]\n\ta ${' '.repeat(200_000)}!\n`],
    ['250 lines of 900 blanks', `[gc]\n${`a ${' '.repeat(900)}b\n`.repeat(250)}`],
    ['60,000 settings', `[gc]\n${'a=1\n'.repeat(60_000)}`],
    ['20,000 folders of hooks', `[core]\n${'hookspath=a\n'.repeat(20_000)}`],
    ['200,000 empty lines', '\n'.repeat(200_000)],
  ])('{#no_pause} whose configuration has %s is asked about', async (_, text) => {
    writeFileSync(join(root, '.git/config'), text);
    expect(await verdict()).toMatchObject({ decision: 'ask' });
  });

  it('whose configuration has 2,000 branches only looks', async () => {
    const branch = (_: unknown, at: number) => `[branch "b${at}"]\n\tremote = origin\n\tmerge = refs/heads/b${at}\n`;
    writeFileSync(join(root, '.git/config'), Array.from({ length: 2000 }, branch).join(''));
    expect(await verdict()).toMatchObject({ decision: 'allow' });
  });

  it.each([
    '[include]\n\tpath = x',
    '[core] fsmonitor = x',
    '[core]\n\tfilemode = \\\n',
    '[core]\n\tworktree = /',
    '[a.b]\n\tc = d',
    '[core\n',
  ])('with %j in its configuration is asked about', async (text) => {
    writeFileSync(join(root, '.git/config'), text);
    expect(await verdict()).toMatchObject({ decision: 'ask' });
  });

  it('with a hook that git status runs is asked about', async () => {
    mkdirSync(join(root, '.husky'));
    git('config', 'core.hooksPath', '.husky');
    const hook = join(root, '.husky/post-index-change');
    writeFileSync(hook, '#!/bin/sh\ntouch ran\n');
    chmodSync(hook, 0o755);
    expect((await verdict()).reason).toContain('a hook that git status runs');
  });

  it('that is none, so that git would look further up, is asked about', async () => {
    rmSync(join(root, '.git'), { recursive: true });
    mkdirSync(join(root, '.git'));
    expect((await verdict()).reason).toContain('no git repository of its own');
  });
});
