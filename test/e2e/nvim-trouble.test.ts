import { basename } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WireClient } from '../support/built-server.ts';
import { liveServer } from '../support/live-server.ts';
import { Editor } from '../support/nvim.ts';
import { serviceAvailable } from '../support/require.ts';

describe.skipIf(!serviceAvailable('nvim'))('Trouble in Neovim', { timeout: 120_000 }, () => {
  const live = liveServer();
  const ends: (() => unknown)[] = [];
  let client: WireClient;

  beforeEach(async () => {
    client = await watcher();
  });

  afterEach(async () => {
    await Promise.all(ends.splice(0).map((end) => end()));
  });

  async function edit(env: NodeJS.ProcessEnv = {}): Promise<Editor> {
    const editor = await Editor.open(live.root, live.data, env);
    ends.push(() => editor.close());
    return editor;
  }

  /** A client of the editor's project. */
  async function watcher(): Promise<WireClient> {
    const other = await WireClient.connect(live.server);
    live.clients.push(other);
    await other.call('init', { name: basename(live.root), projectRoot: live.root, client: { name: 'somebody' } });
    return other;
  }

  /** Shows a new run that has proposed `echo before`. */
  async function attached(editor: Editor): Promise<string> {
    const { run } = await client.call<{ run: string }>('startRun', { model: 'scripted' });
    await client.call('sh', { run, command: 'echo before' });
    await editor.keys(`:Headgate attach ${run}<CR>`);
    await editor.lines('headgate', (text) => text.includes('proposes: echo before'));
    await editor.lines('headgate-proposal', (text) => text.includes('a accept'));
    await editor.keys('r<CR>');
    await editor.notes('headgate', (text) => text.includes('rejected by neovim'));
    return run;
  }

  it('{#nvim_commands} an error in a callback is told, and everything goes on', async () => {
    const editor = await edit();
    await editor.lua('require("headgate").sh("true", {done = function() error("my own mistake") end})');
    await editor.told((text) => text.includes('my own mistake'));
    await editor.keys(':Headgate sh echo still here<CR>');
    await editor.lines('headgate-output', (text) => text === 'still here');
  });

  it('{#nvim_commands} an empty line can be typed into a command', async () => {
    const editor = await edit();
    await editor.keys(':Headgate sh read -r name; echo "got [$name]"<CR>');
    await editor.until('return vim.bo.filetype', (type) => type === 'headgate-output');
    await editor.keys('i');
    await editor.keys('<CR>');
    await editor.lines('headgate-output', (text) => text === 'got []');
  });

  it('{#nvim_output} a buffer that was deleted is shown anew, and input for its command is waited for', async () => {
    const editor = await edit();
    await editor.keys(':Headgate sh echo ready; read -r name; echo "hello $name"; sleep 600<CR>');
    const { run, path } = await client.notice('stream/started');
    await editor.lines('headgate-output', (text) => text.includes('ready'));
    await editor.keys(':bdelete<CR>');
    await client.notice('stream/waiting');
    await editor.told((text) => text.includes('waits for input'));
    await editor.keys(`:Headgate output ${run} ${path}<CR>`);
    await editor.lines('headgate-output', (text) => text === 'ready');
    await editor.keys(':edit<CR>');
    await editor.keys(':Headgate input you<CR>');
    await editor.lines('headgate-output', (text) => text === 'ready\nhello you');
    await editor.keys(':bunload<CR>:Headgate ps<CR>');
    await editor.lines('headgate-ps', (text) => text.includes('echo ready'));
    await editor.keys(':edit<CR>');
    await editor.lines('headgate-ps', (text) => text.includes('echo ready'));
    await editor.keys(':bdelete<CR>:Headgate ps<CR>');
    await editor.lines('headgate-ps', (text) => text.includes('echo ready'));
    await editor.keys('c');
    await editor.told((text) => text.includes('cancelled: '));
  });

  it('{#nvim_timeline} a buffer that was deleted shows the whole run when it is opened again', async () => {
    const editor = await edit();
    const run = await attached(editor);
    for (const keys of [':edit<CR>', `:bdelete<CR>:Headgate attach ${run}<CR>`, `:bunload<CR>:Headgate attach ${run}<CR>`]) {
      await editor.keys(keys);
      const text = await editor.lines('headgate', (shown) => shown.includes('proposes: echo before'));
      expect(text.match(/proposes: echo before/g)).toHaveLength(1);
      await editor.notes('headgate', (notes) => notes.includes('rejected by neovim'));
      expect(await editor.lua('return vim.fn.bufname()')).toBe(`headgate://${run}`);
    }
  });
});
