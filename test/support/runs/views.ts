import { methods } from '@agentclientprotocol/sdk';
import { type CallToolResult, Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { vi } from 'vitest';
import { shellQuote } from '../../../src/core/shell-quote.ts';
import { AcpEditor } from '../acp-editor.ts';
import type { Browser } from '../browser.ts';
import { MAIN } from '../built-server.ts';
import { cli, cliEnv } from '../cli.ts';
import type { LiveServer } from '../live-server.ts';
import { Editor } from '../nvim.ts';
import { openPortal } from '../portal.ts';
import { TIMELINE } from '../seats/nvim.ts';
import { Terminal } from '../tmux.ts';

/** How a client shows a run whose last words are `marker`. */
export type View = (live: LiveServer, run: string, marker: string) => Promise<string>;

/** Resolves with what `look` returns, once that has the marker and twice in a row the same: no client says that it has read everything. */
async function settled(look: () => Promise<string> | string, marker: string): Promise<string> {
  let last = '';
  await vi
    .waitUntil(
      async () => {
        const before = last;
        last = await look();
        return last.includes(marker) && last === before;
      },
      { timeout: 30_000, interval: 400 },
    )
    .catch(() => {
      throw new Error(`never settled with ${marker}:\n${last}`);
    });
  return last;
}

/** `headgate attach` in a pipe: line by line. */
export const lineView: View = async ({ root, data }, run) => {
  const { out, err } = await cli(['attach', run], { cwd: root, data });
  return `${out}${err}`;
};

/** `headgate attach` in a terminal that is high enough for all of it. */
export const attachView: View = async ({ root, data }, run, marker) => {
  const options = { cwd: root, data, env: { NO_COLOR: '1' } };
  const terminal = new Terminal({ ...options, env: cliEnv(options), cols: 120, rows: 120 });
  try {
    terminal.type([process.execPath, MAIN, 'attach', run].map(shellQuote).join(' '));
    await terminal.see(/q leave/);
    const screen = await settled(() => terminal.screen(), marker);
    return (
      screen
        // From the row with the run's name and title on.
        .slice(screen.search(new RegExp(`^ ${run}[: ]`, 'm')))
        .replaceAll(/\n(?: +│\n)+/g, '\n')
        .trimEnd()
    );
  } finally {
    terminal.close();
  }
};

/** What `session/load` sends to an editor that shows terminals. */
export const acpView: View = async ({ root, data }, run) => {
  const editor = new AcpEditor([], { cwd: root, data });
  try {
    await editor.initialize({ _meta: { terminal_output: true } });
    const { sessions } = await editor.agent.request(methods.agent.session.list, { cwd: root });
    const sessionId = sessions.find((one) => one.sessionId.split('@')[0] === run)?.sessionId ?? run;
    await editor.agent.request(methods.agent.session.load, { sessionId, cwd: root, mcpServers: [] });
    return editor
      .of(sessionId)
      .map((update) =>
        JSON.stringify(update, (key, value: unknown) =>
          key === 'data' && String(value).length > 2000 ? `${String(value).length} characters` : value,
        ),
      )
      .join('\n');
  } finally {
    await editor.close();
  }
};

/** What the tools `list` and `get` return of the run and of each of its commands. */
export const mcpView: View = async (live, run) => {
  const client = new Client({ name: 'reader', version: '1.0.0' });
  await client.connect(
    new StdioClientTransport({ command: process.execPath, args: [MAIN, 'mcp', '--data', live.data, '--project', live.root] }),
  );
  try {
    const call = async (name: string, args: Record<string, unknown>) => {
      const { content } = (await client.callTool({ name, arguments: args })) as CallToolResult;
      return content.flatMap((block) => (block.type === 'text' ? [block.text] : []));
    };
    const [text = '', facts = '{}'] = await call('list', { run, all: true });
    const { commands } = JSON.parse(facts) as { commands: { path: string }[] };
    const read = await Promise.all(commands.map(async ({ path }) => (await call('get', { run, path, limit: 20 })).join('\n')));
    return [text, facts, ...read].join('\n').replaceAll(/"age_ms":\d+/g, '"age_ms":0');
  } finally {
    await client.close();
  }
};

/** What a screen reader is told of the run's page. */
export function portalView(browser: Browser): View {
  return async (live, run, marker) => {
    const { page } = await openPortal(browser, live, `/runs/${run}`);
    try {
      await page.setViewportSize({ width: 1280, height: 4000 });
      // With how the run has ended, which stands behind the feed.
      const timeline = page.locator(':has(> [role=feed])');
      return await settled(() => timeline.ariaSnapshot(), marker);
    } finally {
      await page.close();
    }
  };
}

/** The timeline of Neovim, with what stands behind its lines. */
export const nvimView: View = async ({ root, data }, run, marker) => {
  const editor = await Editor.open(root, data);
  try {
    await editor.keys(`:Headgate attach ${run}<CR>`);
    return await settled(() => editor.lua<string>(TIMELINE), marker);
  } finally {
    await editor.close();
  }
};
