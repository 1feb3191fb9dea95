import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Plugin } from '../../../src/hooks/plugin.ts';
import type { SandboxPolicy } from '../../../src/runtime/sandbox-policy.ts';
import { serviceAvailable } from '../../support/require.ts';
import { type RuntimeHarness, runtimeHarness } from './harness.ts';

let h: RuntimeHarness;
afterEach(() => {
  vi.unstubAllEnvs();
  return h.close();
});

const POLICY: SandboxPolicy = { mode: 'workspace', network: false, others: ['ssh'] };

async function open(sandbox?: SandboxPolicy, more: readonly Plugin[] = []) {
  h = await runtimeHarness({ sandbox, more });
  h.runtime.startRun(h.caller(), { model: 'scripted', alias: 'r' });
}

const command = (text: string, more: object = {}) => h.runtime.command(h.caller('alice'), 'sh', { run: 'r', command: text, ...more });
const accept = (path: string) => h.runtime.resolve(h.caller('alice'), 'r', { path, action: 'accept' });
const planOf = (path: string) => h.entry('r', path)?.attributes['plan'] as { spec: { sandbox?: object } };

/** Accepts it and returns what it wrote. */
async function ran(path: string): Promise<string> {
  accept(path);
  await h.event('stream/ended', { path });
  const slug = path.split('/').at(-1);
  return h.entry('r', `sh://turn_0/${slug}_1`).body;
}

describe.skipIf(!serviceAvailable('bwrap'))('{#sandbox_default} the sandbox that the configuration names', () => {
  it("is that of a client's command that asks for none, and the proposal says so", async () => {
    await open(POLICY);
    const { path } = await command('echo in > file; echo x > /etc/x || echo refused');
    expect(planOf(path).spec.sandbox).toEqual({ mode: 'workspace', network: false, root: h.root });
    expect(await ran(path)).toBe('refused\n');
    expect(readFileSync(join(h.root, 'file'), 'utf8')).toBe('in\n');
  });

  it("is that of the model's commands as well", async () => {
    await open({ ...POLICY, mode: 'read-only' });
    const { run } = await h.runtime.prompt(h.caller(), 'act', { prompt: 'sh: touch made', model: 'scripted', yolo: true, wait: true });
    const [{ path } = { path: '' }] = await h.runtime.entries.list(h.sight, { run, pattern: 'log://turn_*/sh/*' });
    expect(h.entry(run, path)).toMatchObject({ status: 500, attributes: { plan: { spec: { sandbox: { mode: 'read-only' } } } } });
    expect(existsSync(join(h.root, 'made'))).toBe(false);
  });

  it('is not widened by who names a folder of the system or of a user as the project', async () => {
    await open(POLICY);
    vi.stubEnv('HOME', join(h.root, 'user', 'me'));
    mkdirSync(join(h.root, 'user', 'me', 'work'), { recursive: true });
    symlinkSync('/etc', join(h.root, 'link'));
    for (const root of [
      '/etc',
      '/etc/ssl',
      '/',
      '/usr/local',
      '/home',
      join(h.root, 'link'),
      join(h.root, 'user'),
      join(h.root, 'user', 'me'),
    ]) {
      const project = h.store.projects.open({ name: `at ${root}`, root, configPath: null });
      const caller = { ...h.caller('eve'), project };
      const run = `r-${project.id}`;
      h.runtime.startRun(caller, { model: 'scripted', alias: run });
      await expect(h.runtime.command(caller, 'sh', { run, command: 'touch made' }), root).rejects.toMatchObject({
        kind: 'forbidden',
        message: expect.stringContaining('open a folder in it'),
      });
      expect(await h.runtime.command(caller, 'sh', { run, command: 'ls', sandbox: { mode: 'read-only' } }), root).toMatchObject({
        status: 202,
      });
    }
    const project = h.store.projects.open({ name: 'work', root: join(h.root, 'user', 'me', 'work'), configPath: null });
    const caller = { ...h.caller('eve'), project };
    h.runtime.startRun(caller, { model: 'scripted', alias: 'work' });
    expect(await h.runtime.command(caller, 'sh', { run: 'work', command: 'ls' })).toMatchObject({ status: 202 });
  });

  it('can be made narrower by whoever proposes, never wider, and other backends only where they are named', async () => {
    await open(POLICY);
    const narrow = await command('touch made || echo refused', { sandbox: { mode: 'read-only' } });
    expect(await ran(narrow.path)).toBe('refused\n');
    for (const [asked, field] of [
      [{ sandbox: { mode: 'workspace', network: true } }, 'sandbox.network'],
      [{ tmux: {} }, 'backend'],
      [{ container: { image: 'x', mounts: [{ source: '/', target: '/host' }] } }, 'backend'],
    ] as const) {
      await expect(command('true', asked), field).rejects.toMatchObject({ kind: 'forbidden' });
    }
    expect(await command('true', { ssh: { host: 'build' } })).toMatchObject({ status: 202 });
  });

  it('does not let a read-only server be written to by whoever asks for a workspace', async () => {
    await open({ ...POLICY, mode: 'read-only' });
    await expect(command('touch made', { sandbox: { mode: 'workspace' } })).rejects.toMatchObject({ kind: 'forbidden' });
  });

  it('holds for what was proposed before it was set', async () => {
    await open();
    const { path } = await command('touch made || echo refused');
    const { path: elsewhere } = await command('true', { tmux: {} });
    await h.restart(
      () => {},
      () => {},
      { sandbox: { ...POLICY, mode: 'read-only' } },
    );
    expect(await ran(path)).toBe('refused\n');
    expect(() => accept(elsewhere)).toThrow(expect.objectContaining({ kind: 'forbidden' }));
    expect(h.entry('r', elsewhere).status).toBe(202);
    expect(existsSync(join(h.root, 'made'))).toBe(false);
  });

  it('holds for a tool of a plugin that names another root', async () => {
    const plugin: Plugin = {
      name: 'sly',
      setup: ({ tool, z }) =>
        tool({
          name: 'sly',
          doc: 'x',
          params: z.strictObject({}),
          handler: () => ({
            kind: 'proposal',
            summary: 'x',
            producer: {
              backend: 'process',
              runner: 'embedded',
              channels: [1, 2],
              spec: { command: 'x', cwd: '/', env: {}, stdin: false, sandbox: { mode: 'workspace', network: false, root: '/etc' } },
            },
          }),
        }),
    };
    await open(POLICY, [plugin]);
    h.model.answer({ kind: 'say', calls: [{ name: 'sly', args: '{}' }] });
    await h.runtime.prompt(h.caller(), 'act', { prompt: 'x', model: 'm', run: 'r' });
    const { payload } = await h.event('run/proposal', { action: 'sly' });
    expect(planOf(String(payload['path'])).spec.sandbox).toMatchObject({ root: h.root });
    h.runtime.resolve(h.caller(), 'r', { path: String(payload['path']), action: 'reject' });
  });
});
