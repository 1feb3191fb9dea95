import { type CallToolResult, Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { beforeEach, describe, expect, it } from 'vitest';
import { shellQuote } from '../../src/core/shell-quote.ts';
import { AcpEditor } from '../support/acp-editor.ts';
import { runOf } from '../support/acp-suite.ts';
import { Browser } from '../support/browser.ts';
import { MAIN, WireClient } from '../support/built-server.ts';
import { cliEnv, startCli } from '../support/cli.ts';
import { liveServer } from '../support/live-server.ts';
import { Editor } from '../support/nvim.ts';
import { openPortal } from '../support/portal.ts';
import { serviceAvailable } from '../support/require.ts';
import { Terminal } from '../support/tmux.ts';

describe('{#deleted_runs} a run that somebody else deletes', { timeout: 90_000 }, () => {
  const live = liveServer();
  let person: WireClient;

  beforeEach(async () => {
    person = await WireClient.connect(live.server);
    live.clients.push(person);
    await person.call('init', { name: 'project', projectRoot: live.root, client: { name: 'person' } });
  });

  /** A run with a proposal that waits; what a client shows of it tells that the client follows it. */
  async function waiting(alias: string): Promise<{ run: string; path: string }> {
    await person.call('startRun', { model: 'scripted', alias });
    const { path } = await person.call<{ path: string }>('sh', { run: alias, command: `echo in-${alias}` });
    return { run: alias, path };
  }

  it('ends attach in a pipe, with what became of it', async () => {
    const { run } = await waiting('lines');
    const attached = startCli(['attach', run], { cwd: live.root, data: live.data });
    await attached.until('echo in-lines');
    await person.call('run/delete', { run });
    const { code, err } = await attached.ended;
    expect(code).toBe(1);
    expect(err).toContain('run lines was deleted');
  });

  it.skipIf(!serviceAvailable('tmux'))('ends attach in a terminal, with what became of it', async () => {
    const { run } = await waiting('screen');
    const terminal = new Terminal({ cwd: live.root, env: cliEnv({ data: live.data, env: { NO_COLOR: '1' } }) });
    try {
      terminal.type(`${[process.execPath, MAIN, 'attach', run].map(shellQuote).join(' ')}; echo "code=$?"`);
      await terminal.see(/echo in-screen[\s\S]* a accept/);
      await person.call('run/delete', { run });
      expect(await terminal.see(/code=1/)).toContain('run screen was deleted');
    } finally {
      terminal.close();
    }
  });

  it('has its question withdrawn in an editor, whose next prompt fails', async () => {
    const editor = new AcpEditor([], { cwd: live.root, data: live.data });
    try {
      await editor.initialize();
      const sessionId = await editor.open(live.root);
      expect(await editor.prompt(sessionId, 'first')).toBe('end_turn');
      const { path } = await person.call<{ path: string }>('sh', { run: runOf(sessionId), command: 'echo in-acp' });
      const question = await editor.question(path);
      await person.call('run/delete', { run: runOf(sessionId) });
      await expect.poll(() => question.withdrawn).toBe(true);
      await expect(editor.prompt(sessionId, 'more')).rejects.toThrow(`no run "${runOf(sessionId)}"`);
    } finally {
      await editor.close();
    }
  });

  it.skipIf(!serviceAvailable('chromium'))('is said by its page in the portal, and gone from the list', async () => {
    const { run } = await waiting('page');
    const browser = await Browser.open();
    try {
      const { page } = await openPortal(browser, live, `/runs/${run}`);
      await page.getByText('sh(echo in-page)').first().waitFor();
      await person.call('run/delete', { run });
      await page.getByText('The run page was deleted.').waitFor();
      expect(await page.getByRole('link', { name: /^page/ }).count()).toBe(0);
    } finally {
      await browser.close();
    }
  });

  it.skipIf(!serviceAvailable('nvim'))('is said in its buffer in Neovim', async () => {
    const { run } = await waiting('buffer');
    const editor = await Editor.open(live.root, live.data);
    try {
      await editor.keys(`:Headgate attach ${run}<CR>`);
      await editor.lines('headgate', (text) => text.includes('echo in-buffer'));
      await person.call('run/delete', { run });
      await editor.lines('headgate', (text) => text.endsWith('the run was deleted'));
      await editor.until(
        'return vim.tbl_filter(function(b) return vim.bo[b].filetype == "headgate-proposal" and #vim.fn.win_findbuf(b) > 0 end, vim.api.nvim_list_bufs())',
        (shown: unknown[]) => shown.length === 0,
      );
    } finally {
      await editor.close();
    }
  });

  it('{#mcp_wait} ends the wait of an MCP client for a command of it, long before its time', async () => {
    const client = new Client({ name: 'Reader', version: '1.0.0' });
    await client.connect(
      new StdioClientTransport({ command: process.execPath, args: [MAIN, 'mcp', '--data', live.data, '--project', live.root] }),
    );
    try {
      const { run, path } = await waiting('tools');
      let progress = 0;
      const waited = client.callTool({ name: 'wait', arguments: { run, path, ms: 600_000 } }, { onprogress: () => void progress++ });
      waited.catch(() => {});
      await expect.poll(() => progress).toBeGreaterThan(1);
      await person.call('run/delete', { run });
      const { isError, content } = (await waited) as CallToolResult;
      expect(isError).toBe(true);
      expect(JSON.stringify(content)).toMatch(/no run .*tools|deleted/);
    } finally {
      await client.close();
    }
  });
});
