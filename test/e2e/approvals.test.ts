import { basename } from 'node:path';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { shellQuote } from '../../src/core/shell-quote.ts';
import { AcpEditor } from '../support/acp-editor.ts';
import { Browser, picture } from '../support/browser.ts';
import { MAIN, WireClient } from '../support/built-server.ts';
import { cliEnv } from '../support/cli.ts';
import { DECEPTIVE, type Deceptive } from '../support/deceptive-commands.ts';
import { liveServer } from '../support/live-server.ts';
import { Editor } from '../support/nvim.ts';
import { openPortal, runWith } from '../support/portal.ts';
import { serviceAvailable } from '../support/require.ts';
import { Terminal } from '../support/tmux.ts';

// Each client draws every command of the list, one after the other.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 60_000 });

/** A command that waits in a run of its own. */
interface Waiting {
  readonly one: Deceptive;
  readonly run: string;
  readonly path: string;
}

describe('{#proposals} what is decided on cannot be taken for something else', () => {
  const live = liveServer();
  const closing: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
  });

  /** A client of the project as the command line calls it, after its folder. */
  const person = async (): Promise<WireClient> => {
    const client = await WireClient.connect(live.server);
    live.clients.push(client);
    await client.call('init', { name: basename(live.root), projectRoot: live.root, client: { name: 'person' } });
    return client;
  };

  /** A model that proposes this command, and its run. */
  const model = async (one: Deceptive, client: WireClient): Promise<string> =>
    await runWith(live, client, `d${DECEPTIVE.indexOf(one)}-${Date.now()}`, [
      { calls: [{ tool: 'sh', input: { command: one.command } }] },
      { say: 'Well.' },
    ]);

  /** Proposes one command after the other, and takes down what `draw` sees where the command stands: exactly what it is, each time another text. */
  const eachShown = async (draw: (waiting: Waiting) => Promise<string>, asLines = false) => {
    const client = await person();
    const shown: string[] = [];
    for (const one of DECEPTIVE) {
      const { run } = await client.call<{ run: string }>('startRun', { model: 'scripted' });
      const { path } = await client.call<{ path: string }>('sh', { run, command: one.command });
      const seen = await draw({ one, run, path });
      expect(seen, one.name).toBe(asLines && one.lines ? one.lines.join('\n') : one.line);
      shown.push(seen);
      await client.call('run/resolve', { run, resolution: { path, action: 'reject' } });
    }
    expect(new Set(shown).size).toBe(DECEPTIVE.length);
  };

  /** A terminal of a person in the project, in which a command of headgate runs. */
  const headgate = (...words: string[]): Terminal => inTerminal(40, ...words);
  const inTerminal = (rows: number, ...words: string[]): Terminal => {
    const terminal = new Terminal({ cwd: live.root, env: cliEnv({ data: live.data, env: { NO_COLOR: '1' } }), cols: 100, rows });
    closing.push(() => terminal.close());
    terminal.type(`clear; ${[process.execPath, MAIN, ...words].map(shellQuote).join(' ')}; echo "code=$?"`);
    return terminal;
  };
  /** What a picture has where the command stands, its lines without what they are indented by. */
  const part = (screen: string, where: RegExp): string =>
    (where.exec(screen)?.[1] ?? `not found in:\n${screen}`)
      .split('\n')
      .map((line) => line.trim())
      .join('\n');

  describe.skipIf(!serviceAvailable('tmux'))('on a terminal', () => {
    it('{#cli_answer} {#cli_tables} headgate proposals, whose rows are longer than it is wide', async () => {
      await eachShown(async ({ run }) =>
        part(await headgate('proposals', run).see(/code=\d/), /^\S+ +log:\S+ +sh +[\d.]+ \S+ {2}([^]*)\ncode=0/m),
      );
    });

    it('{#cli_attach} attach, line by line', async () => {
      await eachShown(
        async ({ run }) =>
          part(await headgate('attach', run, '--plain').see(/^ {2}a accept/m), /^\? sh proposes: ([^]*?)\n {2}(?:[mf], for|log:)/m),
        true,
      );
    });

    it('{#attach_timeline} attach, on the whole screen', async () => {
      await eachShown(
        async ({ run }) => part(await headgate('attach', run).see(/^ a accept/m), /^── log:.*\n([^]*?)\nsh: waits for you/m),
        true,
      );
    });

    it('{#attach_timeline} attach, where there is room for the timeline alone', async () => {
      const row = /^> \? (.*?) +waits for you$/m;
      await eachShown(async ({ run }) => part(await inTerminal(10, 'attach', run).see(/^ a accept/m), row));
      const client = await person();
      const { run } = await client.call<{ run: string }>('startRun', { model: 'scripted' });
      await client.call('sh', { run, command: `echo ${'done '.repeat(20)}; rm -rf x` });
      expect(part(await inTerminal(10, 'attach', run).see(/^ a accept/m), row)).toMatch(/^echo (done )+(d|do|don|done)?⟨\d+ more⟩$/);
    });

    it('{#cli_act} the question of act', async () => {
      const client = await person();
      for (const one of DECEPTIVE) {
        const run = await model(one, client);
        const terminal = headgate('act', '--run', run, 'go');
        const shown = part(await terminal.see(/^ {2}a accept/m), /^\? sh proposes: ([^]*?)\n {2}(?:[mf], for|log:)/m);
        expect(shown, one.name).toBe(one.lines?.join('\n') ?? one.line);
        terminal.press('r');
        await terminal.see(/code=\d/);
      }
    });
  });

  it('{#acp_permission} an editor that speaks ACP', async () => {
    const client = await person();
    const editor = new AcpEditor([], { cwd: live.root, data: live.data });
    closing.push(() => editor.close());
    await editor.initialize({});
    for (const one of DECEPTIVE) {
      const stopped = editor.prompt(await editor.open(live.root, await model(one, client)), 'go');
      const { params, choose } = await editor.question();
      expect(params.toolCall.title, one.name).toBe(`\`${one.line}\``);
      choose('reject_once');
      await stopped;
    }
  });

  it('{#mcp_list} a client of MCP, in the list of what waits', async () => {
    const client = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode: 'auto' } });
    closing.push(() => client.close());
    const args = [MAIN, 'mcp', '--data', live.data, '--project', live.root];
    await client.connect(new StdioClientTransport({ command: process.execPath, args }));
    await eachShown(async ({ run, path }) => {
      const { content } = await client.callTool({ name: 'list', arguments: { run } });
      const text = (content as { text: string }[])[0]?.text ?? '';
      const row = `  ${run}  ${path}  `;
      return (
        text
          .split('\n')
          .find((line) => line.startsWith(row))
          ?.slice(row.length) ?? text
      );
    });
  });

  it.skipIf(!serviceAvailable('nvim'))('{#nvim_proposals} Neovim, in its float', async () => {
    const editor = await Editor.open(live.root, live.data);
    closing.push(() => editor.close());
    await eachShown(async ({ run }) => {
      await editor.keys(`<Esc>:Headgate attach ${run}<CR>`);
      const card = await editor.lines('headgate-proposal', (text) => text.includes(`in ${run}`) && text.includes('a accept'));
      return part(card, /\n\n([^]*?)(?:\n\n[mf], for[^]*|$)/);
    }, true);
  });

  it.skipIf(!serviceAvailable('chromium'))('{#portal_answers} the portal', async () => {
    const browser = await Browser.open();
    closing.push(() => browser.close());
    await eachShown(async ({ one, run }) => {
      const { page } = await openPortal(browser, live, `/runs/${run}`);
      const shown = await page.getByLabel('Command', { exact: true }).innerText();
      await picture(page, `approval-${DECEPTIVE.indexOf(one)}`);
      await page.close();
      return shown;
    }, true);
  });
});
