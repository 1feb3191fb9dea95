import { realpath } from 'node:fs/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { AcpEditor } from '../support/acp-editor.ts';
import { runOf } from '../support/acp-suite.ts';
import { cli } from '../support/cli.ts';
import { endServer } from '../support/end-server.ts';
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
