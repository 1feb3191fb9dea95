import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { MAIN, WireClient } from '../support/built-server.ts';
import { endServer } from '../support/end-server.ts';
import { liveServer } from '../support/live-server.ts';
import { Editor, PLUGIN } from '../support/nvim.ts';
import { ancestors } from '../support/process-tree.ts';
import { serviceAvailable } from '../support/require.ts';

describe.skipIf(!serviceAvailable('nvim'))('Neovim', { timeout: 120_000 }, () => {
  const live = liveServer();
  const editors: Editor[] = [];

  afterEach(async () => {
    await Promise.all(editors.splice(0).map((editor) => editor.close()));
    await endServer(join(live.data, 'own'));
  });

  const edit = async (env: NodeJS.ProcessEnv = {}) => {
    const editor = await Editor.open(live.root, live.data, env);
    editors.push(editor);
    return editor;
  };

  /** A client of the editor's project, which is called after its folder. */
  const watcher = async (name = 'somebody'): Promise<WireClient> => {
    const client = await WireClient.connect(live.server);
    live.clients.push(client);
    await client.call('init', { name: basename(live.root), projectRoot: live.root, client: { name } });
    return client;
  };

  const scenario = async (client: WireClient, name: string, text: string) => {
    await writeFile(join(live.root, `${name}.yaml`), text);
    await client.call('addModel', { alias: name, actual: `${name}.yaml`, provider: 'scripted' });
  };

  it('{#nvim_prompt} sends the selected lines of a buffer with their file and numbers, and shows the run', async () => {
    const editor = await edit();
    const client = await watcher();
    await writeFile(join(live.root, 'notes.txt'), 'first\nsecond\n``` third\n');
    await editor.keys(':edit notes.txt<CR>GA!<Esc>k:.,$Headgate act sh: true<CR>');
    const proposed = await client.notice('run/proposal');
    expect(proposed['command']).toBe('true');
    const prompt = async (path: string) => (await client.call<{ body: string }>('get', { run: proposed['run'], path })).body;
    expect(await prompt('prompt://loop_1/user')).toBe(
      'sh: true\n\nLines 2 to 3 of notes.txt (with changes that are not saved):\n\n````text\nsecond\n``` third!\n````',
    );
    await editor.lines('headgate', (text) => text.includes('? sh proposes: true'));
    await editor.keys(':2wincmd w<CR>:edit! notes.txt<CR>');
    await editor.lua('require("headgate").act("sh: false")');
    const next = await client.notice('run/proposal', (params) => params['command'] === 'false');
    const { body } = await client.call<{ body: string }>('get', { run: next['run'], path: 'prompt://loop_1/user' });
    expect(body).toBe('sh: false\n\nThe open file is notes.txt, the cursor is on line 2.');
  });

  it('{#nvim_proposals} shows a proposal in a float: keys accept it, reject it with a reason, put it off', async () => {
    const editor = await edit();
    const client = await watcher();
    await editor.keys(':Headgate act sh: echo one; printf "x\\033y" # \u202etrick<CR>');
    const card = await editor.lines('headgate-proposal', (text) => text.includes('a accept'));
    expect(card).toContain('sh proposes in scripted-');
    expect(card).toContain('⟨U+202E⟩trick');
    expect(card).toContain('f, for all that follows: deny sh(echo one');
    expect(await editor.lua('return vim.bo.filetype')).toBe('headgate-proposal');
    const { run, path } = await client.notice('run/proposal');
    await editor.keys('q');
    await editor.until('return vim.bo.filetype', (type) => type === 'headgate');
    expect(await editor.lua('return require("headgate").statusline()')).toMatch(/^headgate: \d proposals?$/);
    await editor.keys(':Headgate answer<CR>');
    await editor.lines('headgate-proposal', (text) => text.includes('a accept'));
    await editor.keys('a');
    expect(await client.notice('run/resolved')).toMatchObject({ run, path, action: 'accept', by: 'neovim' });
    await editor.lines('headgate', (text) => text.includes('done (200)'));
    await editor.notes('headgate', (text) => text.includes('accepted by neovim') && text.includes('exit 0'));
    expect(await editor.lua('return #vim.api.nvim_list_wins()')).toBe(2);

    await editor.keys('p');
    await editor.keys('sh: echo two<CR>');
    await editor.lines('headgate-proposal', (text) => text.includes('echo two') && text.includes('a accept'));
    await editor.keys('r');
    await editor.keys('not today<CR>');
    const rejected = await client.notice('run/resolved', (params) => params['action'] === 'reject');
    expect(rejected['run']).toBe(run);
    const entry = await client.call<{ status: number; body: string }>('get', { run, path: rejected['path'] });
    expect(entry).toMatchObject({ status: 403, body: expect.stringContaining('not today') });
  });

  it('{#nvim_proposals} an answer given elsewhere closes the float, and a key typed for a file answers nothing', async () => {
    const editor = await edit();
    const client = await watcher('portal');
    const { run } = await client.call<{ run: string }>('startRun', { model: 'scripted' });
    await editor.keys(`:Headgate attach ${run}<CR>`);
    await editor.until('return vim.bo.filetype', (type) => type === 'headgate');
    await editor.keys(':wincmd w<CR>i');
    const { path } = await client.call<{ path: string }>('sh', { run, command: 'echo elsewhere' });
    await editor.lines('headgate-proposal', (text) => text.includes(':Headgate answer goes here'));
    await editor.keys('a');
    await editor.until('return vim.api.nvim_get_current_line()', (line) => line === 'a');
    expect(await client.call('getProposals', { run })).toHaveLength(1);
    await client.call('run/resolve', { run, resolution: { path, action: 'accept' } });
    await editor.until('return #vim.api.nvim_list_wins()', (count) => count === 2);
    await editor.notes('headgate', (text) => text.includes('accepted by portal'));
    const other = await client.call<{ run: string }>('startRun', { model: 'scripted' });
    await client.call('sh', { run: other.run, command: 'echo of another run' });
    await editor.told((text) => text.includes(`in ${other.run} waits:`));
    expect(await editor.lua('return #vim.api.nvim_list_wins()')).toBe(2);
  });

  it('{#nvim_proposals} shows a change of a file as a diff, remembers an answer, and answers questions', async () => {
    const editor = await edit();
    const client = await watcher();
    await writeFile(join(live.root, 'code.txt'), 'old\nsame\n');
    await scenario(
      client,
      'steps',
      'steps:\n  - calls: [{tool: set, input: {path: "file://code.txt", body: "new\\nsame\\n"}}]\n' +
        '  - calls: [{tool: sh, input: {command: "git log --oneline x"}}]\n' +
        '  - calls: [{tool: ask_user, input: {question: "Where to?", options: [staging, production]}}]\n' +
        '  - say: "answered {{match:/(production|staging)/}}"\n',
    );
    await editor.keys(':edit code.txt<CR>');
    await editor.lua('require("headgate").setup({model = "steps"}); require("headgate").act("go")');
    const card = await editor.lines('headgate-proposal', (text) => text.includes('a accept'));
    expect(card).toMatch(/^edit code\.txt \(\+1 -1\)$/m);
    const marked = await editor.lua<[string, string][]>(
      `local found = {}
      local space = vim.api.nvim_get_namespaces().headgate_card
      for _, mark in ipairs(vim.api.nvim_buf_get_extmarks(0, space, 0, -1, {details = true})) do
        table.insert(found, {vim.api.nvim_buf_get_lines(0, mark[2], mark[2] + 1, false)[1], mark[4].hl_group})
      end
      return found`,
    );
    expect(marked).toContainEqual(['-old', 'DiffDelete']);
    expect(marked).toContainEqual(['+new', 'DiffAdd']);
    await editor.keys('a');
    await editor.until(
      'return vim.api.nvim_buf_get_lines(vim.fn.bufnr("code.txt"), 0, -1, false)',
      (lines) => (lines as string[])[0] === 'new',
    );
    await editor.lines('headgate-proposal', (text) => text.includes('git log') && text.includes('m accept and remember'));
    await editor.keys('m');
    await editor.told((text) => text.includes('remembered: allow sh(git log --oneline x) in .'));
    await editor.lines('headgate-proposal', (text) => text.includes('Where to?') && text.includes('a answer'));
    await editor.keys('a');
    expect(await editor.choices()).toEqual(['staging', 'production', 'another answer ...']);
    await editor.choose(2);
    await editor.lines('headgate', (text) => text.includes('answered production'));
    expect(await readFile(join(live.root, 'code.txt'), 'utf8')).toBe('new\nsame\n');
  });

  it('{#nvim_timeline} {#end_words} shows a run from its beginning, and lets the runs be chosen', async () => {
    const client = await watcher();
    await scenario(
      client,
      'talk',
      'steps:\n  - say: First words.\n    calls: [{tool: sh, input: {command: "echo out"}}, {tool: get, input: {path: "file://nowhere.txt"}}]\n  - say: Last words.\n',
    );
    const { run } = await client.call<{ run: string }>('act', { prompt: 'go', model: 'talk', yolo: true, wait: true });
    const editor = await edit();
    await editor.keys(':Headgate<CR>');
    expect((await editor.choices())[0]).toBe(`${run}  done (200)  turn 2  talk`);
    await editor.choose(1);
    const text = await editor.lines('headgate', (shown) => shown.includes('done (200)'));
    expect(text.split('\n')).toEqual(
      expect.arrayContaining(['turn 1', 'First words.', '$ echo out', 'turn 2', 'Last words.', `${run}: done (200)`]),
    );
    expect(text.match(/Last words/g)).toHaveLength(1);
    expect(text).toMatch(/^ {2}\S.*: not found$/m);
    await editor.keys('/echo out<CR><CR>');
    await editor.lines('headgate-output', (shown) => shown === 'out');
    expect(await editor.lua('return vim.fn.getcompletion("Headgate attach ", "cmdline")')).toContain(run);
  });

  it('{#nvim_timeline} {#renamed_runs} goes on with a run that another client renames, and so does its output', async () => {
    const client = await watcher();
    const { run } = await client.call<{ run: string }>('act', { prompt: 'env: echo out', model: 'scripted', yolo: true, wait: true });
    const editor = await edit();
    await editor.keys(`:Headgate attach ${run}<CR>`);
    await editor.lines('headgate', (shown) => shown.includes('done (200)'));
    await editor.keys('/echo out<CR><CR>');
    await editor.lines('headgate-output', (shown) => shown === 'out');
    await client.call('run/rename', { run, name: 'under-another-name' });
    await vi.waitUntil(async () => String(await editor.lua('return vim.api.nvim_buf_get_name(0)')).includes('under-another-name'), {
      timeout: 20_000,
    });
    await client.call('act', { run: 'under-another-name', prompt: 'env: echo more', yolo: true, wait: true });
    const text = await editor.lines(
      'headgate',
      (shown) => shown.includes('$ echo more') && shown.includes('under-another-name: done (200)'),
    );
    expect(text.match(/echo more/g)).not.toBeNull();
  });

  it('{#nvim_commands} every word of :Headgate is explained in the help and in the README, and every file compiles', async () => {
    const editor = await edit();
    const words = await editor.lua<string[]>('return vim.fn.getcompletion("Headgate ", "cmdline")');
    expect(words).toContain('act');
    const help = await readFile(join(PLUGIN, 'doc/headgate.txt'), 'utf8');
    const readme = await readFile(join(PLUGIN, 'README.md'), 'utf8');
    for (const word of words) {
      expect(help).toContain(`*:Headgate-${word}*`);
      if (word !== 'runs') expect(readme).toMatch(new RegExp(`Headgate ${word}\\b|\`${word}\``));
    }
    const files = (await readdir(PLUGIN, { recursive: true })).filter((name) => name.endsWith('.lua'));
    const problems = files.map((name) => `select(2, loadfile("${join(PLUGIN, name)}")) or ""`);
    expect(await editor.lua(`return table.concat({${problems.join(', ')}})`)).toBe('');
  });

  it('{#nvim_server} says how to start a server, and checks its health', async () => {
    const editor = await edit({ HEADGATE_DATA: join(live.data, 'none') });
    await editor.keys(':Headgate runs<CR>');
    await editor.told((text) => text.includes('no server is running on') && text.includes('headgate serve'));
    await editor.lua(`vim.loop.os_setenv("HEADGATE_URL", "unix:${live.server.socket}")`);
    await editor.keys(':checkhealth headgate<CR>');
    const health = await editor.until<string>('return table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), " ")', (text) =>
      text.includes('project'),
    );
    expect(health).toContain(`the server answers at ${live.server.socket}`);
  });

  it('{#nvim_server} starts a server where it may, also one that was killed, and says what fails', async () => {
    const data = join(live.data, 'own');
    const bin = join(live.data, 'bin');
    await mkdir(bin);
    await writeFile(join(bin, 'headgate'), `#!/bin/sh\nexec ${process.execPath} ${MAIN} "$@"\n`, { mode: 0o755 });
    const failing = await edit({ HEADGATE_DATA: data });
    const setUp = (command: string) => failing.lua(`require("headgate").setup({auto_start = true, serve_command = {${command}}})`);
    await setUp('"headgate-that-is-not-there"');
    await failing.keys(':Headgate ps<CR>');
    await failing.told((text) => text.includes('no server could be started: headgate-that-is-not-there cannot be run'));
    await setUp(`"${join(bin, 'headgate')}", "serve", "--port", "${new URL(live.server.http).port}"`);
    await failing.keys(':Headgate ps<CR>');
    await failing.told((text) => /no server could be started: .*port/.test(text));

    const starter = await edit({ HEADGATE_DATA: data, PATH: `${bin}:${process.env['PATH']}` });
    await starter.lua('require("headgate").setup({auto_start = true})');
    await starter.keys(':Headgate ps<CR>');
    await starter.lines('headgate-ps', (text) => text === 'no command runs');
    const pidOf = async () => (JSON.parse(await readFile(join(data, 'server.json'), 'utf8')) as { pid: number }).pid;
    const pid = await pidOf();
    expect(ancestors(pid)).not.toContain(await starter.lua('return vim.fn.getpid()'));
    process.kill(pid, 'SIGKILL');
    await vi.waitUntil(async () => (await pidOf()) !== pid, { timeout: 30_000, interval: 50 });
    await starter.told((text) => text.includes('connected again'));
  });
});
