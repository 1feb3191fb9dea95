import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createProcessBackend } from '../../../src/backends/process/index.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import type { Plugin } from '../../../src/hooks/plugin.ts';
import { bundledPlugins } from '../../../src/plugins/index.ts';
import { serviceAvailable } from '../../support/require.ts';
import { type RuntimeHarness, runtimeHarness } from './harness.ts';

/** Nobody is there to be asked. */
const nobody: Plugin = {
  name: 'nobody',
  setup: ({ filter }) => filter('proposal.verdict', (decision) => (decision === 'ask' ? 'deny' : decision)),
};

let h: RuntimeHarness;
const open = async (inSandbox: boolean) => {
  const backend = createProcessBackend({ folder: '/nonexistent', clock: systemClock, logger: silentLogger });
  const canSandbox = async (root: string) => inSandbox && (await backend.canSandbox?.(root)) === true;
  h = await runtimeHarness({ bundled: [...bundledPlugins, nobody], canSandbox });
};
afterEach(async () => {
  vi.unstubAllEnvs();
  await h.close();
});

/** What becomes of a command that the model gives to `env`. */
const env = async (command: string | string[]) => {
  const args = JSON.stringify({ command });
  h.model.answer({ kind: 'say', text: 'Let me.', calls: [{ name: 'env', args }] }, { kind: 'say', text: 'Finished.' });
  const { run } = await h.runtime.prompt(h.caller(), 'act', { prompt: 'x', model: 'm', wait: true });
  const rows = await h.runtime.entries.list(h.sight, { run });
  const path = rows.find(({ path }) => path.startsWith('log://turn_1/env/'))?.path ?? '';
  const log = h.entry(run, path);
  const text = (channel: number) => h.entry(run, `${path.replace('log://turn_1/env/', 'env://turn_1/')}_${channel}`).body;
  return { log, out: () => text(1), err: () => text(2) };
};
const allow = (rule: string) => h.runtime.policy.add(h.caller('boss'), { decision: 'allow', rule });

/** A program of this name in a folder, which tells that it was run. */
const program = (folder: string, name: string, text = 'echo CANARY') => {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, name), `#!/bin/sh\n${text}\n`);
  chmodSync(join(folder, name), 0o755);
  vi.stubEnv('PATH', `${folder}${delimiter}${process.env['PATH'] ?? ''}`);
};
const git = (cwd: string, ...args: string[]) =>
  execFileSync('git', ['-c', 'user.name=x', '-c', 'user.email=x@x', ...args], { cwd, stdio: 'pipe' });

describe.skipIf(!serviceAvailable('bwrap'))('{#looks_place} what only looks, where there is a sandbox', () => {
  beforeEach(() => open(true));

  it('runs in it, without the network and with nothing that it may write to, and its log entry says so', async () => {
    // Not in the folder of temporary files: a sandbox has its own of that.
    const tools = mkdtempSync(join(homedir(), '.headgate-tools-'));
    program(tools, 'rg', 'cat /proc/net/dev | wc -l; cd; id > made; exit 3');
    symlinkSync(tools, join(h.folder, 'link'));
    vi.stubEnv('PATH', `${join(h.folder, 'link')}${delimiter}/usr/bin:/bin`);
    const { log, out } = await env('rg x');
    rmSync(tools, { recursive: true });
    expect(log.attributes).toMatchObject({
      verdict: { decision: 'allow', by: 'default' },
      plan: { spec: { sandbox: { mode: 'read-only', network: false, root: h.root } } },
      exit_code: 3,
    });
    expect(existsSync(join(homedir(), 'made'))).toBe(false);
    // Two lines of heading, and the loopback interface.
    expect(out().split('\n')[0]).toBe('3');
  });

  it.each(['node_modules/.bin', 'bin', '../outside/node_modules/.bin'])('runs no program out of %s in PATH', async (folder) => {
    program(join(h.root, folder), 'ls');
    writeFileSync(join(h.root, 'a.txt'), '');
    const { log, out } = await env('ls a.txt');
    expect(log).toMatchObject({ status: 200 });
    expect(out()).toBe('a.txt\n');
  });

  it('with the bytes and the exit code that it has outside', async () => {
    writeFileSync(join(h.root, 'a.bin'), Buffer.from(Array.from({ length: 4096 }, (_, i) => i % 256)));
    const command = 'cat a.bin; grep -c nothing a.bin';
    const { log, out } = await env(command);
    const plain = execFileSync('sh', ['-c', `${command}; true`], { cwd: h.root });
    expect(log.attributes['exit_code']).toBe(1);
    expect(out()).toBe(plain.toString('base64'));
  });

  describe('git', () => {
    /** A repository with another one in it that names programs: in the index, and in a file `.gitmodules`. */
    const nested = (ignore: string) => {
      git(h.root, 'init', '-q', '-b', 'main');
      const inner = join(h.root, 'sub');
      mkdirSync(inner);
      git(inner, 'init', '-q');
      writeFileSync(join(inner, 's'), 's\n');
      git(inner, 'add', 's');
      git(inner, 'commit', '-qm', 's');
      writeFileSync(join(h.root, 'a'), 'a\n');
      writeFileSync(join(h.root, '.gitmodules'), `[submodule "sub"]\n\tpath = sub\n\turl = ./sub\n${ignore}`);
      git(h.root, 'add', '.');
      git(h.root, 'commit', '-qm', 'one');
      for (const [name, value] of [
        ['core.fsmonitor', 'echo CANARY >&2; :'],
        ['filter.x.clean', 'echo CANARY >&2; cat'],
        ['filter.x.process', 'echo CANARY >&2; cat'],
        ['diff.x.textconv', 'echo CANARY >&2; cat'],
        ['diff.external', 'echo CANARY >&2; :'],
      ] as const)
        git(inner, 'config', name, value);
      writeFileSync(join(inner, '.gitattributes'), '* filter=x diff=x\n');
      writeFileSync(join(inner, 's'), 't\n');
      writeFileSync(join(h.root, 'a'), 'b\n');
      return execFileSync('sh', ['-c', 'git status 2>&1; git diff 2>&1'], { cwd: h.root }).toString();
    };

    it.each(['git status', 'git status --short', 'git diff', 'git diff HEAD', 'git log -p', 'git show', 'git ls-files -m', 'git grep b'])(
      '%s runs nothing that a repository further down names',
      async (command) => {
        expect(nested('')).toContain('CANARY');
        const { log, out, err } = await env(command);
        expect(log.attributes).toMatchObject({ exit_code: 0 });
        expect(out() + err()).not.toContain('CANARY');
      },
    );

    it.each(['git diff', 'git status', 'git log -p'])(
      '%s runs nothing of it where the settings of the project have submodules looked into',
      async (command) => {
        nested('');
        git(h.root, 'config', 'diff.submodule', 'diff');
        git(h.root, 'config', 'status.submoduleSummary', 'true');
        git(h.root, 'config', 'submodule.recurse', 'true');
        const { log, out, err } = await env(command);
        expect(log.attributes).toMatchObject({ exit_code: 0 });
        expect(out() + err()).not.toContain('CANARY');
      },
    );

    it.each(['git diff', 'git log -p', "sh -c 'git --no-pager show'", 'git blame a', ['git', 'diff']])(
      '%j runs no program that the settings of the user name',
      async (command) => {
        git(h.root, 'init', '-q', '-b', 'main');
        writeFileSync(join(h.root, 'a'), 'a\n');
        writeFileSync(join(h.root, '.gitattributes'), 'a diff=x\n');
        git(h.root, 'add', '.');
        git(h.root, 'commit', '-qm', 'one');
        writeFileSync(join(h.root, 'a'), 'b\n');
        vi.stubEnv('HOME', h.root);
        git(h.root, 'config', '--global', 'diff.external', 'echo CANARY; :');
        git(h.root, 'config', '--global', 'diff.x.textconv', 'echo CANARY; cat');
        expect(execFileSync('sh', ['-c', 'git diff; git blame a'], { cwd: h.root }).toString()).toContain('CANARY');
        const { log, out, err } = await env(command);
        expect(log.attributes).toMatchObject({ exit_code: 0 });
        expect(out()).not.toBe('');
        expect(out() + err()).not.toContain('CANARY');
      },
    );

    it('is asked about where .gitmodules has git look into a repository further down', async () => {
      expect(nested('\tignore = none\n')).toContain('CANARY');
      expect((await env('git status')).log.attributes).toMatchObject({
        verdict: { decision: 'deny', commands: [{ decision: 'ask', reason: expect.stringContaining('.gitmodules') as string }] },
      });
    });

    it('is asked about for describe --dirty, which looks there whatever is set', async () => {
      nested('');
      expect((await env('git describe --always --dirty')).log).toMatchObject({ status: 403 });
    });
  });

  it('is only the shorter list beside a command that a rule allows, which runs as it is', async () => {
    allow('env(npm test)');
    expect((await env('npm test | tail -3')).log.attributes).toMatchObject({ verdict: { decision: 'allow' } });
    expect((await env('npm test; rg x')).log.attributes).toMatchObject({
      verdict: { commands: [{ decision: 'allow' }, { decision: 'ask', reason: expect.stringContaining('sandbox') as string }] },
    });
    program(join(h.root, 'node_modules/.bin'), 'tail');
    expect((await env('npm test | tail -4')).log.attributes).toMatchObject({
      verdict: { commands: [{ decision: 'allow' }, { decision: 'ask', reason: expect.stringContaining('PATH') as string }] },
    });
  });
});

describe('{#looks_place} what only looks, where there is no sandbox', () => {
  beforeEach(() => open(false));

  it('is a shorter list, and runs no program of the project', async () => {
    program(join(h.root, 'node_modules/.bin'), 'ls');
    writeFileSync(join(h.root, 'a.txt'), 'text\n');
    const { log, out } = await env('ls a.txt; cat a.txt');
    expect(log.attributes).toMatchObject({ verdict: { decision: 'allow', by: 'default' }, exit_code: 0 });
    expect(log.attributes['plan']).not.toHaveProperty('spec.sandbox');
    expect(out()).toBe('a.txt\ntext\n');
  });

  it.each(['git status', 'rg x', 'sed -n 1p a.txt', 'node --version'])('asks about %s', async (command) => {
    git(h.root, 'init', '-q');
    writeFileSync(join(h.root, 'a.txt'), 'text\n');
    expect((await env(command)).log.attributes).toMatchObject({
      verdict: { commands: [{ decision: 'ask', reason: expect.stringContaining('sandbox') as string }] },
    });
  });
});
