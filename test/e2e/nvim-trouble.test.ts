import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Params, readAll, WireClient } from '../support/built-server.ts';
import { liveServer } from '../support/live-server.ts';
import { Editor } from '../support/nvim.ts';
import { serviceAvailable } from '../support/require.ts';

interface Call {
  readonly method: string;
  readonly params: Params;
}

/** A socket in front of the server's that breaks the connection instead of passing on certain calls, each once. */
class BreakingLink {
  broken = 0;
  readonly #sockets = new Set<Socket>();
  readonly #listener: Server;

  constructor(target: string, path: string, at: ((call: Call) => boolean)[]) {
    this.#listener = createServer((near) => {
      const far = connect(target);
      for (const socket of [near, far]) {
        this.#sockets.add(socket);
        socket.on('error', () => {}).on('close', () => this.#sockets.delete(socket));
      }
      far.pipe(near);
      let partial = '';
      near.on('data', (bytes: Buffer) => {
        const lines = (partial + bytes.toString()).split('\n');
        partial = lines.pop() ?? '';
        for (const line of lines) {
          const found = at.findIndex((breaks) => breaks(JSON.parse(line) as Call));
          if (found >= 0) {
            at.splice(found, 1);
            this.broken++;
            near.destroy();
            far.destroy();
            return;
          }
          far.write(`${line}\n`);
        }
      });
    });
    this.#listener.listen(path);
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#listener.close();
  }
}

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

  it('{#nvim_commands} says how much of its input a command took', async () => {
    const editor = await edit();
    await editor.keys(':Headgate sh sleep 600<CR>');
    await editor.until('return vim.bo.filetype', (type) => type === 'headgate-output');
    await editor.lua('require("headgate").input(false, string.rep("x", 200000))');
    await editor.told((text) => text.includes('the command took only 65536 of 200001 bytes; the rest is not sent'));
    await editor.keys('c');
    await editor.told((text) => text.includes('cancelled: '));
  });

  it('{#nvim_output} a buffer that was deleted is shown again, and input for its command is waited for', async () => {
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

  it('{#nvim_reconnect} a command after :Headgate disconnect connects again, and everything goes on', async () => {
    const editor = await edit();
    const run = await attached(editor);
    await editor.keys(':Headgate disconnect<CR>');
    expect(await editor.lua('return require("headgate").statusline()')).toBe('');
    await client.call('sh', { run, command: 'echo meanwhile' });
    await editor.keys(':cd /<CR>:Headgate ps<CR>');
    await editor.lines('headgate', (text) => text.includes('proposes: echo meanwhile'));
    await editor.lines('headgate-proposal', (text) => text.includes('echo meanwhile') && text.includes('a accept'));
    expect(await editor.lua('return require("headgate").statusline()')).toBe('headgate: 1 proposal');
    await editor.keys('a');
    await client.notice('run/resolved', (params) => params['action'] === 'accept');
    const text = await editor.lines('headgate', (shown) => shown.includes('$ echo meanwhile'));
    expect(text.match(/proposes: /g)).toHaveLength(2);
  });

  it('{#nvim_reconnect} what was typed while the server was away is not sent after :Headgate disconnect', async () => {
    const editor = await edit();
    await editor.keys(':Headgate ps<CR>');
    await editor.lines('headgate-ps', (text) => text !== '');
    await live.server.crash();
    await editor.told((text) => text.includes('connection to the server is lost'));
    await editor.keys(':Headgate act sh: echo given up<CR>:Headgate disconnect<CR>');
    await editor.told((text) => text.includes('the connection to the server was ended'));
    await live.start();
    client = await watcher();
    await editor.keys(':Headgate sh echo wanted<CR>');
    await editor.lines('headgate-output', (text) => text === 'wanted');
    const proposals = await client.call<{ command: string }[]>('getProposals', {});
    expect(proposals.filter(({ command }) => command === 'echo given up')).toEqual([]);
  });

  it('{#nvim_reconnect} :Headgate disconnect ends a connection that is being made', async () => {
    const path = join(live.data, 'silent');
    const silent = createServer().listen(path);
    ends.push(() => silent.close());
    const editor = await edit({ HEADGATE_SOCKET: path });
    const connected = once(silent, 'connection');
    await editor.keys(':Headgate ps<CR>');
    const [socket] = (await connected) as [Socket];
    socket.resume();
    const closed = once(socket, 'close');
    await editor.keys(':Headgate disconnect<CR>');
    await closed;
    await editor.told((text) => text.includes('the connection to the server was ended'));
  });

  it('{#nvim_reconnect} what was being read when the connection broke is read again', async () => {
    await writeFile(
      join(live.root, 'talk.yaml'),
      'steps:\n  - calls: [{tool: set, input: {path: "file://talked.txt", body: "new"}}]\n  - say: Last words.\n',
    );
    await client.call('addModel', { alias: 'talk', actual: 'talk.yaml', provider: 'scripted' });
    const { run } = await client.call<{ run: string }>('act', { prompt: 'go', model: 'talk', yolo: true, wait: true });
    const path = join(live.data, 'breaking');
    const link = new BreakingLink(live.server.socket, path, [
      ({ method }) => method === 'get',
      ({ method, params }) => method === 'stream/list' && params['run'] !== undefined,
      ({ method, params }) => method === 'stream/read' && Number(params['from']) > 0,
    ]);
    ends.push(() => link.close());
    const editor = await edit({ HEADGATE_SOCKET: path });
    await editor.keys(`:Headgate attach ${run}<CR>`);
    await editor.lines('headgate', (text) => text.includes('talked.txt'));
    await editor.keys(':wincmd p<CR>:Headgate sh base64 /dev/urandom | head -c 3000000; echo; echo END<CR>');
    await editor.lines('headgate-output', (text) => text.endsWith('\nEND'));
    await editor.keys(':Headgate save saved.bin<CR>');
    await editor.told((text) => text.includes('wrote saved.bin'));
    const place = await client.notice('stream/ended');
    const saved = await readFile(join(live.root, 'saved.bin'));
    expect(saved.equals(await readAll(client, String(place['run']), String(place['path']), 1))).toBe(true);
    expect(link.broken).toBe(3);
  });
});
