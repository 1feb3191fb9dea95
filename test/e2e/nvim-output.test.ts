import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readAll, WireClient } from '../support/built-server.ts';
import { END_WORDS } from '../support/end-words.ts';
import { liveServer } from '../support/live-server.ts';
import { Editor } from '../support/nvim.ts';
import { serviceAvailable } from '../support/require.ts';

const SHOWN = 'return vim.b.headgate_output';

interface Shown {
  readonly cursors: Readonly<Record<string, number>>;
  readonly earlier: number;
  readonly ended: boolean;
}

describe.skipIf(!serviceAvailable('nvim'))('Output in Neovim', { timeout: 120_000 }, () => {
  const live = liveServer();
  let editor: Editor;
  let client: WireClient;

  beforeEach(async () => {
    editor = await Editor.open(live.root, live.data);
    client = await connect();
  });

  afterEach(() => editor.close());

  async function connect(): Promise<WireClient> {
    const other = await WireClient.connect(live.server);
    live.clients.push(other);
    await other.call('init', { name: 'project', projectRoot: live.root, client: { name: 'somebody' } });
    return other;
  }

  /** Types a command into Neovim, and waits until its output is shown. */
  async function sh(command: string): Promise<{ run: string; path: string }> {
    await editor.keys(`:Headgate sh ${command.replaceAll('<', '<lt>')}<CR>`);
    const { run, path } = await client.notice('stream/started');
    await editor.until('return vim.b.headgate_path or ""', (shown) => shown === path);
    return { run: String(run), path: String(path) };
  }

  const ended = () => editor.until<Shown | null>(SHOWN, (shown) => shown?.ended === true);
  const rows = () => editor.lua<string[]>('return vim.api.nvim_buf_get_lines(0, 0, -1, false)');

  /** The parts of the output that have a highlight group, with its name. */
  const marked = () =>
    editor.lua<[string, string][]>(
      `local found = {}
      local space = vim.api.nvim_get_namespaces().headgate_output
      for _, mark in ipairs(vim.api.nvim_buf_get_extmarks(0, space, 0, -1, {details = true})) do
        local row = vim.api.nvim_buf_get_lines(0, mark[2], mark[2] + 1, false)[1]
        table.insert(found, {row:sub(mark[3] + 1, mark[4].end_col), mark[4].hl_group})
      end
      return found`,
    );

  it('{#end_words} says how an action ended as every client does', async () => {
    const endings = JSON.stringify(END_WORDS.map(([ending]) => ending));
    const said = await editor.lua<string[]>(`return vim.tbl_map(require('headgate.text').ending, vim.json.decode([==[${endings}]==]))`);
    expect(said).toEqual(END_WORDS.map(([, word]) => word));
  });

  it('{#nvim_output} shows colours, what is written over, both channels and how the command ended', async () => {
    await writeFile(
      join(live.root, 'show.sh'),
      `printf 'plain\\n\\033[31mred\\033[0m and \\033[1;38;5;42mgreen\\033[m\\n10%%\\r100%%\\nab\\bc\\n\\033]0;title\\007tab\\there\\n\\033[2Kü\\033[K!'
       printf 'bad\\n' >&2`,
    );
    await sh('sh show.sh');
    await ended();
    const shown = await rows();
    expect(shown.filter((row) => row !== 'bad')).toEqual(['plain', 'red and green', '100%', 'ac', 'tab\there', 'ü!']);
    expect(shown).toContain('bad');
    const marks = await marked();
    expect(marks).toEqual(
      expect.arrayContaining([
        ['red', 'HeadgateAnsi_fg1'],
        ['green', 'HeadgateAnsi_fg42_boldtrue'],
        ['bad', 'HeadgateStderr'],
      ]),
    );
    expect(await editor.notes('headgate-output', (text) => text.includes('exit 0'))).toContain('channel 2: 4 B');
  });

  it('{#nvim_output} shows colours with colons in them, and leaves out what it does not show', async () => {
    const codes: [string, string | null][] = [
      ['38:2::255:100:31', 'fgff641f'],
      ['38:2:255:100:31', 'fgff641f'],
      ['48:5:42;1', 'bg42_boldtrue'],
      ['4:3', 'underlinetrue'],
      ['1;4;4:0', 'boldtrue'],
      ['58;2;1;3;9', null],
      ['58:2::1:3:9;3', 'italictrue'],
      ['58;5;4', null],
      ['38;5;300;3', 'italictrue'],
      ['38;2;1;2;3;3', 'fg010203_italictrue'],
      ['>4;2', null],
      ['?4', null],
      ['', null],
    ];
    await writeFile(join(live.root, 'codes'), codes.map(([code]) => `\x1b[${code}mword ${code}\x1b[m\n`).join(''));
    await sh('cat codes');
    await ended();
    expect(await rows()).toEqual(codes.map(([code]) => `word ${code}`));
    const expected = codes.flatMap(([code, group]) => (group === null ? [] : [[`word ${code}`, `HeadgateAnsi_${group}`]]));
    expect(await marked()).toEqual(expected);
  });

  it('{#nvim_output} keeps a bounded part of 30 MB, answers while they come, and reads earlier lines', async () => {
    await sh('seq -f "%099.0f" 1 300000; printf "\\0\\377\\303\\n"');
    const busy = await editor.until<Shown | null>(SHOWN, (shown) => (shown?.earlier ?? 0) > 0);
    expect(busy?.ended).toBe(false);
    const end = await editor.until<Shown | null>(SHOWN, (shown) => shown?.ended === true, 80_000);
    const shown = await rows();
    expect(shown.length).toBeLessThanOrEqual(11_001);
    expect(shown[0]).toMatch(/^\(\d+\.\d MiB before this: o shows earlier lines\)$/);
    expect(shown.at(-2)).toMatch(/^0+300000$/);
    expect(await editor.lua('return vim.fn.line(".") == vim.fn.line("$")')).toBe(true);
    const first = Number.parseInt(shown[1] ?? '', 10);
    await editor.keys('o');
    const more = await editor.until<string[]>('return vim.api.nvim_buf_get_lines(0, 0, 5000, false)', (now) => now[1] !== shown[1]);
    const numbers = more.slice(1).map((row) => Number.parseInt(row, 10));
    expect(numbers).toEqual(numbers.map((_, index) => (numbers[0] ?? 0) + index));
    expect(numbers).toContain(first - 1);
    expect(numbers).toContain(first);
    expect(end?.cursors['1']).toBeGreaterThan(29_999_999);
  });

  it('{#nvim_output} follows only from the last line, and saves the exact bytes', async () => {
    const { run, path } = await sh('head -c 300000 /dev/urandom; seq 1 50; until [ -e go ]; do sleep 0.05; done; echo last');
    const ends = (row: string) => editor.until(`return vim.fn.getline("$") == "${row}"`, (is) => is === true);
    await ends('50');
    await editor.keys('gg');
    await writeFile(join(live.root, 'go'), '');
    await ended();
    await ends('last');
    expect(await editor.lua('return vim.fn.line(".")')).toBe(1);
    await editor.keys(':Headgate save saved.bin<CR>');
    await editor.told((text) => text.includes('wrote saved.bin'));
    const saved = await readFile(join(live.root, 'saved.bin'));
    expect(saved.equals(await readAll(client, run, path, 1))).toBe(true);
    expect(saved.length).toBeGreaterThan(300_000);
  });

  it('{#nvim_output} stops taking output while somebody looks at earlier lines, and goes on at the end', async () => {
    await editor.lua('require("headgate").setup({max_lines = 100})');
    const wait = (name: string) => `until [ -e ${name} ]; do sleep 0.05; done`;
    await sh(`seq 1 90; ${wait('more')}; seq 91 900; ${wait('rest')}; seq 901 100000; echo END`);
    await editor.until('return vim.fn.getline("$")', (row) => row === '90');
    await editor.keys('gg');
    await writeFile(join(live.root, 'more'), '');
    await editor.notes('headgate-output', (text) => text.includes('more output: go to the end'));
    await writeFile(join(live.root, 'rest'), '');
    await client.notice('stream/ended');
    expect((await rows()).length).toBeLessThan(1000);
    await editor.keys('G');
    await editor.until('return vim.fn.getline("$")', (row) => row === 'END');
    expect((await rows()).length).toBeLessThan(200);
  });

  it('{#nvim_commands} types into a command, lists what runs, and cancels it with its receipt', async () => {
    const { path } = await sh('read -r name; echo "hello $name"; cat; sleep 600');
    await editor.keys(':Headgate input wor"ld | x<CR>');
    await editor.until(SHOWN, (shown) => (shown as Shown | null)?.cursors['1'] === 17);
    expect((await rows())[0]).toBe('hello wor"ld | x');
    await editor.keys(':Headgate eof<CR>:Headgate ps<CR>');
    const list = await editor.lines('headgate-ps', (text) => text.includes('shell'));
    expect(list).toMatch(/^shell +running .* process +read -r name/m);
    expect(await editor.lua('return require("headgate").statusline()')).toBe('headgate: 1 running');
    await editor.keys('c');
    const told = await editor.told((text) => text.includes('cancelled: '));
    expect(told).toMatch(/asked by neovim; sent (SIG)?TERM to \d+.*; \d+ confirmed dead/);
    await client.notice('stream/cancelled', (params) => params['path'] === path);
    await editor.notes('headgate-output', (text) => text.includes('cancelled'));
    await editor.keys(':Headgate act sh: true<CR>');
    await editor.lines('headgate-proposal', (text) => text.includes('a accept'));
    await editor.keys('q:Headgate abort<CR>');
    await editor.lines('headgate', (text) => text.includes('cancelled (499)'));
  });

  it('{#nvim_reconnect} outlives kill -9 of the server: every line and every event is there once', async () => {
    await editor.lua('require("headgate").setup({max_lines = 100000})');
    const { run } = await sh('seq 1 20000; until [ -e on ]; do sleep 0.05; done; seq 20001 40000');
    await editor.keys(`:Headgate attach ${run}<CR>`);
    await editor.lines('headgate', (text) => text.includes('$ seq 1 20000'));
    const { run: other } = await client.call<{ run: string }>('startRun', { model: 'scripted' });
    await editor.keys(`:Headgate attach ${other}<CR>`);
    await editor.until('return vim.b.headgate_run', (shown) => shown === other);
    for (let round = 0; round < 2; round++) {
      await live.server.crash();
      await editor.told((text) => text.split('connection to the server is lost').length === round + 2);
      await live.start();
      await editor.told((text) => text.split('connected again').length === round + 2);
    }
    await writeFile(join(live.root, 'on'), '');
    const next = await connect();
    const { path } = await next.call<{ path: string }>('sh', { run: other, command: 'echo after' });
    await editor.lines('headgate-proposal', (text) => text.includes('echo after') && text.includes('a accept'));
    await editor.keys('a');
    await next.notice('run/resolved', (params) => params['path'] === path);
    const output = await editor.lines('headgate-output', (text) => text.endsWith('\n40000'));
    expect(output === Array.from({ length: 40_000 }, (_, index) => String(index + 1)).join('\n')).toBe(true);
    const timelines = await editor.until<string>(
      `local text = ""
      for _, buffer in ipairs(vim.api.nvim_list_bufs()) do
        if vim.bo[buffer].filetype == "headgate" then text = text .. table.concat(vim.api.nvim_buf_get_lines(buffer, 0, -1, false), "\\n") .. "\\n" end
      end
      return text`,
      (text) => text.includes('$ echo after'),
    );
    expect(timelines.match(/\$ seq 1 20000/g)).toHaveLength(1);
    expect(timelines.match(/\? sh proposes: echo after/g)).toHaveLength(1);
  });
});
