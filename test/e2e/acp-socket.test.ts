import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { methods } from '@agentclientprotocol/sdk';
import { createWebSocketStream } from '@agentclientprotocol/sdk/experimental/ws-client';
import { afterEach, describe, expect, it, vi } from 'vitest';
import WebSocket from 'ws';
import { AcpEditor } from '../support/acp-editor.ts';
import { AcpSuite, runOf } from '../support/acp-suite.ts';
import { liveServer } from '../support/live-server.ts';
import { openSocket, refusal } from '../support/server.ts';

const live = liveServer();
const suite = new AcpSuite(live, false);
const editors: AcpEditor[] = [];
afterEach(async () => {
  for (const editor of editors.splice(0)) await editor.close();
});

const url = () => live.server.url.replace(/rpc$/, 'acp');

/** The SDK's own client over its own WebSocket, with a token. */
function open(token = live.server.token): AcpEditor {
  const stream = createWebSocketStream(url(), { WebSocket, headers: { authorization: `Bearer ${token}` } });
  const editor = new AcpEditor(stream, { cwd: live.root });
  editors.push(editor);
  return editor;
}

async function tokenOf(scope: string): Promise<string> {
  const client = await live.client();
  return (await client.call<{ token: string }>('token/add', { name: `t-${scope}-${editors.length}`, scope })).token;
}

const TERMINALS = { _meta: { terminal_output: true } };

describe('{#acp_socket} the Agent Client Protocol over a WebSocket', () => {
  it('is a whole session: prompt, permission, output byte for byte, and the same run for every client', async () => {
    const editor = open();
    expect(await editor.initialize(TERMINALS)).toMatchObject({ protocolVersion: 1, agentInfo: { name: 'headgate' } });
    const folder = await suite.folder();
    const sessionId = await editor.open(folder, 'scripted');
    const command = 'i=0; while [ $i -lt 4000 ]; do echo "line $i"; i=$((i + 1)); done';
    const prompt = editor.prompt(sessionId, `sh: ${command}`);
    await vi.waitUntil(() => editor.asked.length > 0, { timeout: 20_000, interval: 10 });
    editor.asked[0]?.choose('allow_once');
    expect(await prompt).toBe('end_turn');
    const [call] = editor.calls(sessionId).filter(({ terminal }) => terminal !== '');
    expect(call?.terminal).toBe(Array.from({ length: 4000 }, (_, i) => `line ${i}\n`).join(''));
    expect(call).toMatchObject({ status: 'completed', exit: { exit_code: 0 } });
    const other = await suite.other(folder);
    expect(await other.call('stream/list', { run: runOf(sessionId) })).toMatchObject([{ command, exit_code: 0 }]);
  });

  it('leaves what runs when the editor goes, and after kill -9 of the server another connection loads it', async () => {
    const folder = await suite.folder();
    const first = open();
    await first.initialize(TERMINALS);
    const sessionId = await first.open(folder, 'scripted');
    const prompt = first.prompt(sessionId, 'sh: echo begun; while [ ! -e go ]; do sleep 0.05; done; echo done').catch(() => 'gone');
    await vi.waitUntil(() => first.asked.length > 0, { timeout: 20_000, interval: 10 });
    first.asked[0]?.choose('allow_once');
    await first.call(sessionId, 'sh', ({ terminal }) => terminal.includes('begun'));
    await live.crashAndStart();
    expect(await prompt).toBe('gone');
    const second = open();
    await second.initialize(TERMINALS);
    await second.agent.request(methods.agent.session.load, { sessionId, cwd: folder, mcpServers: [] });
    await writeFile(join(folder, 'go'), '');
    const call = await second.call(sessionId, 'sh', ({ exit }) => exit !== undefined);
    expect(call).toMatchObject({ terminal: 'begun\ndone\n', status: 'completed' });
  });

  it('does what its token allows, and nothing without one or for a page of another origin', async () => {
    const refused = async (headers: Record<string, string>) => (await refusal(openSocket(url(), headers))).status;
    const token = (text: string) => ({ authorization: `Bearer ${text}` });
    expect(await refused({})).toBe(401);
    expect(await refused({ ...token(live.server.token), origin: 'http://evil.example' })).toBe(403);
    expect(await refused(token(await tokenOf('runner')))).toBe(403);
    const reader = open(await tokenOf('read'));
    await reader.initialize();
    const folder = await suite.folder();
    await expect(reader.agent.request(methods.agent.session.new, { cwd: folder, mcpServers: [] })).rejects.toMatchObject({
      data: { name: 'forbidden' },
    });
  });

  it('refuses nonsense and goes on, and ends where it is binary, too large, or the server stops', async () => {
    const authorization = { authorization: `Bearer ${live.server.token}` };
    const socket = openSocket(url(), authorization);
    await once(socket, 'open');
    for (const [text, code] of [
      ['{', -32700],
      ['[]', -32600],
      ['null', -32600],
    ] as const) {
      socket.send(text);
      const [data] = (await once(socket, 'message')) as [Buffer];
      expect(JSON.parse(data.toString())).toMatchObject({ id: null, error: { code } });
    }
    socket.send('{"jsonrpc":"2.0","id":7,"method":"initialize","params":{"protocolVersion":1,"clientCapabilities":{}}}');
    const [data] = (await once(socket, 'message')) as [Buffer];
    expect(JSON.parse(data.toString())).toMatchObject({ id: 7, result: { protocolVersion: 1 } });
    socket.send(Buffer.from([1, 2]), { binary: true });
    await once(socket, 'close');
    const large = openSocket(url(), authorization);
    await once(large, 'open');
    large.send('x'.repeat(17 * 1024 * 1024));
    const [tooLarge] = (await once(large, 'close')) as [number];
    expect(tooLarge).toBe(1009);
    const last = openSocket(url(), authorization);
    await once(last, 'open');
    const closed = once(last, 'close');
    await live.server.stop();
    expect((await closed)[0]).toBe(1001);
    await live.start();
  });
});
