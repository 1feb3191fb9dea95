import { readFile, realpath, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { AcpEditor } from '../support/acp-editor.ts';
import { runOf } from '../support/acp-suite.ts';
import { cli } from '../support/cli.ts';
import { endServer } from '../support/end-server.ts';
import { ProcessTree } from '../support/process-tree.ts';
import { tempFolder } from '../support/temp-store.ts';

const ended: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
});

async function place(): Promise<{ data: string; cwd: string }> {
  const [data, cwd] = await Promise.all([tempFolder(), tempFolder()]);
  ended.push(data.remove, cwd.remove, () => endServer(data.folder));
  return { data: data.folder, cwd: await realpath(cwd.folder) };
}

function editorOn(where: { data: string; cwd: string }, args: string[] = []): AcpEditor {
  const editor = new AcpEditor(args, where);
  ended.push(() => editor.close());
  return editor;
}

const soon = { timeout: 40_000, interval: 50 };
const COUNT = 'sh: i=0; while [ -d "$PWD" ]; do i=$((i + 1)); echo $i; sleep 0.05; done';

async function serverPid(data: string): Promise<number> {
  return (JSON.parse(await readFile(join(data, 'server.json'), 'utf8')) as { pid: number }).pid;
}

/** Bytes of output that the only live command has stored, as another shell sees it. */
async function written(where: { data: string; cwd: string }): Promise<number> {
  const { out } = await cli(['ps', '--json'], where);
  const [producer, ...others] = JSON.parse(out) as { run: string; channels: { bytes: number }[] }[];
  expect(others).toEqual([]);
  return producer?.channels.reduce((sum, { bytes }) => sum + bytes, 0) ?? 0;
}

describe('{#cli_ensure} {#cli_acp} a server that an editor brought along', () => {
  it('lives on with its commands when everything that ever was below the editor is killed', { timeout: 120_000 }, async () => {
    const where = await place();
    const editor = editorOn(where, ['--yolo']);
    const tree = new ProcessTree(editor.pid);
    ended.push(async () => tree.close());
    await editor.initialize();
    const sessionId = await editor.open(where.cwd);
    const pid = await serverPid(where.data);
    const stopped = editor.prompt(sessionId, COUNT).catch(() => 'gone');
    await vi.waitUntil(async () => (await written(where)) > 0, soon);
    expect(tree.has(editor.pid)).toBe(true);
    expect(tree.has(pid)).toBe(false);
    tree.kill();
    expect(await stopped).toBe('gone');
    const before = await written(where);
    await vi.waitUntil(async () => (await written(where)) > before, soon);
    expect(await serverPid(where.data)).toBe(pid);
    expect((await cli(['cancel', runOf(sessionId)], where)).code).toBe(0);
  });

  it('is started again when it was killed, and the prompt goes on with all output of its command', { timeout: 120_000 }, async () => {
    const where = await place();
    const config = join(where.data, 'config.yaml');
    await writeFile(config, 'policy: {rules: [{allow: "sh(*)"}]}\n');
    const first = editorOn(where, ['--config', config]);
    await first.initialize();
    await first.open(where.cwd);
    expect(await first.close()).toBe(0);
    const editor = editorOn(where);
    await editor.initialize({ _meta: { terminal_output: true } });
    const sessionId = await editor.open(where.cwd);
    const stopped = editor.prompt(sessionId, 'sh: seq 3000; while [ ! -e go ]; do sleep 0.02; done; seq 3000');
    await editor.call(sessionId, 'sh', ({ terminal }) => terminal.startsWith('1\n2\n'));
    const pid = await serverPid(where.data);
    process.kill(pid, 'SIGKILL');
    await vi.waitUntil(async () => (await serverPid(where.data)) !== pid, soon);
    await writeFile(join(where.cwd, 'go'), '');
    expect(await stopped).toBe('end_turn');
    const seq = Array.from({ length: 3000 }, (_, index) => `${index + 1}\n`).join('');
    expect((await editor.call(sessionId, 'sh')).terminal).toBe(`${seq}${seq}`);
    // With the configuration that it had: its rule is still the one that allows.
    expect(await editor.prompt(sessionId, 'sh: touch allowed')).toBe('end_turn');
    expect(editor.asked).toEqual([]);
  });
});

describe('{#cli_acp} headgate acp', () => {
  it('starts a server where none runs, for every other client too, which outlives the editor', { timeout: 90_000 }, async () => {
    const where = await place();
    const editor = editorOn(where);
    await editor.initialize();
    const sessionId = await editor.open(where.cwd);
    expect(await editor.prompt(sessionId, 'hello')).toBe('end_turn');
    const runs = await cli(['runs', '--json'], where);
    expect(JSON.parse(runs.out)).toMatchObject([{ run: runOf(sessionId) }]);
    const second = editorOn(where);
    await second.initialize();
    expect(await second.prompt(await second.open(where.cwd), 'hello')).toBe('end_turn');
    expect(await second.close()).toBe(0);
    expect(await editor.close()).toBe(0);
    expect(await cli(['runs'], where)).toMatchObject({ code: 0, out: expect.stringContaining(runOf(sessionId)) });
  });

  it('where it may start none it says what to do', async () => {
    const where = await place();
    const editor = editorOn(where, ['--no-serve']);
    expect(await editor.initialize()).toMatchObject({ protocolVersion: 1 });
    await expect(editor.open(where.cwd)).rejects.toMatchObject({ code: -32603, message: expect.stringContaining('headgate serve') });
  });
});
