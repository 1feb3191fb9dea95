import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { MAIN } from '../support/built-server.ts';
import { cli, cliEnv } from '../support/cli.ts';
import { liveServer } from '../support/live-server.ts';
import { INSPECTOR, NEW_NODE, serviceAvailable } from '../support/require.ts';

describe.skipIf(!serviceAvailable('inspector'))('{#mcp_server} {#mcp_results} a client of another make (MCP inspector)', () => {
  const live = liveServer();

  async function inspect(method: string, ...args: string[]) {
    const server = [process.execPath, MAIN, 'mcp', '--data', live.data, '--project', live.root];
    const child = spawn(NEW_NODE, [INSPECTOR, '--cli', ...server, '--method', method, ...args], {
      cwd: live.root,
      env: { ...cliEnv({}), HOME: live.root },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let out = '';
    let err = '';
    child.stdout.on('data', (bytes: Buffer) => (out += bytes.toString()));
    child.stderr.on('data', (bytes: Buffer) => (err += bytes.toString()));
    const [code] = await once(child, 'close');
    return { code: code as number | null, answer: out === '' ? err : (JSON.parse(out) as Record<string, unknown>), err };
  }

  it('finds no fault in the schemas of the tools', async () => {
    const { code, answer, err } = await inspect('tools/list', '--strict');
    expect({ code, err }).toMatchObject({ code: 0, err: expect.stringContaining('0 errors') });
    const { tools } = answer as { tools: { name: string; outputSchema: unknown }[] };
    expect(tools.map(({ name }) => name)).toEqual(['sh', 'wait', 'get', 'cancel', 'signal', 'input', 'list']);
  }, 60_000);

  it('is told what a command wrote, and what could not be done, as text and as data', async () => {
    expect(await cli(['policy', 'add', 'allow', 'sh(seq *)'], { cwd: live.root, data: live.data })).toMatchObject({ code: 0 });
    const call = (tool: string, ...args: string[]) =>
      inspect('tools/call', '--tool-name', tool, ...args.flatMap((one) => ['--tool-arg', one]));
    const ran = await call('sh', 'command=seq 3');
    const said = expect.stringMatching(/exit 0[^]*\n1\n2\n3$/);
    expect(ran).toMatchObject({
      code: 0,
      answer: { content: [{ text: said }, {}], structuredContent: { is_error: false, status: 'done', exit_code: 0, text: said } },
    });
    const wrong = await call('sh', 'comand=ls');
    expect(wrong.answer).toMatchObject({ isError: true });
    expect(JSON.stringify(wrong.answer)).toContain('comand');
  }, 60_000);
});
