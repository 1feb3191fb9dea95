import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type CallToolResult, Client, type Progress, type Tool } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { Ajv2020, type AnySchema } from 'ajv/dist/2020.js';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type BuiltServer, endCommands, MAIN, serve, WireClient } from '../support/built-server.ts';
import { endServer } from '../support/end-server.ts';
import { tempFolder } from '../support/temp-store.ts';

interface Answer {
  readonly isError: boolean;
  readonly text: string;
  readonly data: Record<string, unknown>;
}

let temp: Awaited<ReturnType<typeof tempFolder>>;
let root: string;
let data: string;
let server: BuiltServer;
let person: WireClient;
const clients: Client[] = [];
const ajv = new Ajv2020({ strict: false, validateFormats: false });
let tools: readonly Tool[] = [];

beforeAll(async () => {
  temp = await tempFolder();
  root = join(temp.folder, 'project');
  data = join(temp.folder, 'data');
  await mkdir(root);
  server = await serve(data);
  person = await connectPerson();
});

afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
});

afterAll(async () => {
  await endCommands(server, root);
  await person.close();
  await server.stop();
  await temp.remove();
});

/** Somebody at another client, who answers proposals. */
async function connectPerson(): Promise<WireClient> {
  const client = await WireClient.connect(server);
  await client.call('init', { name: 'project', projectRoot: root, client: { name: 'person' } });
  await client.call('subscribe', {});
  return client;
}

async function connect(args: string[] = [], options: { data?: string; modern?: boolean } = {}): Promise<Client> {
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [MAIN, 'mcp', '--data', options.data ?? data, '--project', root, ...args],
  });
  const mode = options.modern ? ('auto' as const) : ('legacy' as const);
  const client = new Client({ name: 'Test Editor', version: '1.0.0' }, { versionNegotiation: { mode } });
  clients.push(client);
  await client.connect(transport);
  return client;
}

/** Calls a tool. Whatever it answers says the same in `content` and in `structuredContent` {#mcp_results}. */
async function call(client: Client, name: string, args: Record<string, unknown>, options: object = {}): Promise<Answer> {
  const { content, structuredContent, isError = false } = (await client.callTool({ name, arguments: args }, options)) as CallToolResult;
  const [text = '', facts] = content.map((block) => (block.type === 'text' ? block.text : ''));
  const said = { ...(structuredContent as Record<string, unknown>) };
  expect(said).toEqual({ ...(facts === undefined ? { is_error: true } : JSON.parse(facts)), text });
  expect(said['is_error']).toBe(isError);
  expect(content.slice(1)).toEqual(facts === undefined ? [] : [{ type: 'text', text: facts, annotations: { audience: ['assistant'] } }]);
  if (tools.length === 0) ({ tools } = await client.listTools());
  const { outputSchema = {} } = tools.find((tool) => tool.name === name) as Tool;
  expect(ajv.validate(outputSchema as AnySchema, said), `${ajv.errorsText()} in ${JSON.stringify(said)}`).toBe(true);
  return { isError, text, data: said };
}

/** Answers the next proposal of this command as the person. */
async function answer(command: string, action: 'accept' | 'reject', output?: string): Promise<{ run: string; path: string }> {
  const { run, path } = await person.notice('run/proposal', (params) => params['command'] === command);
  await person.call('run/resolve', { run, resolution: { path, action, ...(output === undefined ? {} : { output }) } });
  return { run: String(run), path: String(path) };
}

/** Runs a command that the person accepts. */
async function accepted(client: Client, command: string, args: Record<string, unknown> = {}): Promise<Answer> {
  const [result] = await Promise.all([call(client, 'sh', { command, ...args }), answer(command, 'accept')]);
  return result;
}

describe.each([
  ['2025', false],
  ['2026', true],
])('{#mcp_server} {#mcp_sh} a client of the revision of %s', (_, modern) => {
  it('runs a command that a person accepts elsewhere, and is told what it wrote and how it ended', async () => {
    const client = await connect([], { modern });
    const command = `printf 'one\\ntwo\\n'; echo ${modern} >&2; exit 3`;
    const result = await accepted(client, command);
    expect(result.data).toMatchObject({ status: 'failed', exit_code: 3, channels: [{ channel: 1, bytes: 8 }, { channel: 2 }] });
    expect(result.data['run']).toMatch(/^test-editor-/);
    expect(result.isError).toBe(false);
    expect(result.text).toContain('exit 3');
    expect(result.text).toContain('two');
    expect(result.text).toContain(`${modern}`);
  }, 60_000);
});

describe('{#mcp_sh} running commands', () => {
  it('{#renamed_runs} goes on in the run of the session when that is renamed', async () => {
    const client = await connect();
    const first = await accepted(client, 'echo before');
    await person.call('run/rename', { run: first.data['run'], name: 'renamed-by-a-person' });
    expect((await accepted(client, 'echo after')).data['run']).toBe('renamed-by-a-person');
    expect((await call(client, 'list', {})).data['own_run']).toBe('renamed-by-a-person');
  }, 60_000);

  it('is told of a refusal, with its reason, as an error', async () => {
    const client = await connect();
    const command = 'rm -rf build';
    const [result] = await Promise.all([call(client, 'sh', { command }), answer(command, 'reject', 'not that folder')]);
    expect(result).toMatchObject({ isError: true });
    expect(result.text).toContain('was not run');
    expect(result.text).toContain('not that folder');
  }, 60_000);

  it('cannot accept what it proposes; cancelling the request ends the wait only, or the command when asked', async () => {
    const client = await connect();
    const { tools: offered } = await client.listTools();
    expect(offered.map(({ name }) => name)).toEqual(['sh', 'wait', 'get', 'cancel', 'signal', 'input', 'list']);
    expect(offered.find(({ name }) => name === 'sh')?.annotations).toMatchObject({ readOnlyHint: false, destructiveHint: true });
    const proposed = await call(client, 'sh', { command: 'sleep 301', yield_ms: 0 });
    expect(proposed.data).toMatchObject({ status: 'proposed', channels: [] });

    for (const [command, how] of [
      ['sleep 302', {}],
      ['sleep 303', { cancel_with_request: true }],
    ] as const) {
      const abort = new AbortController();
      const gone = call(client, 'sh', { command, yield_ms: 600_000, ...how }, { signal: abort.signal });
      gone.catch(() => {});
      const { run, path } = await answer(command, 'accept');
      await person.notice('stream/started', (params) => params['path'] === path);
      abort.abort();
      await expect(gone).rejects.toThrow();
      if (!('cancel_with_request' in how)) {
        expect((await call(client, 'wait', { path, ms: 0 })).data).toMatchObject({ status: 'running' });
        await call(client, 'cancel', { path, grace_ms: 100 });
      }
      await person.notice('stream/ended', (params) => params['run'] === run && params['path'] === path && params['status'] === 499);
    }
    const taken = await call(client, 'cancel', { path: proposed.data['path'] });
    expect(taken.text).toContain('has not run');
  }, 90_000);
});

describe('{#mcp_server} {#mcp_wait} what others end', () => {
  it.each([
    ['a run of its own', []],
    ['a run that it was given', ['--run', 'given']],
  ])(
    '%s that was deleted is opened again by the next command',
    async (which, args) => {
      const client = await connect(args);
      const next = (number: number) => accepted(client, `true ${number} ${which}`);
      const first = await next(1);
      await person.call('run/delete', { run: first.data['run'] });
      const second = await next(2);
      expect(second.data).toMatchObject({ status: 'done' });
      expect((await next(3)).data['run']).toBe(second.data['run']);
    },
    60_000,
  );

  it('the wait for a proposal is over when its run is aborted', async () => {
    const client = await connect();
    const { run } = await person.call<{ run: string }>('act', { model: 'scripted', prompt: 'sh: touch aborted' });
    const { path } = await person.notice('run/proposal', (params) => params['run'] === run);
    const waited = call(client, 'wait', { run, path, ms: 600_000 }, { onprogress: () => abort() });
    const abort = () => void person.call('run/abort', { run });
    expect((await waited).data).toMatchObject({ status: 'rejected', outcome: 'aborted' });
  }, 30_000);
});

describe('{#mcp_wait} {#mcp_get} {#mcp_list} {#mcp_control} a command that takes long', () => {
  it('is waited for with progress, read, typed into, listed and ended', async () => {
    await person.call('policy/add', { decision: 'allow', rule: 'input(cat *)' });
    const client = await connect(['--run', 'shared']);
    const started = await accepted(client, 'cat -', { stdin: true, yield_ms: 100 });
    const path = started.data['path'];
    expect(started.data).toMatchObject({ run: 'shared' });

    const progress: Progress[] = [];
    const waited = call(client, 'wait', { path, ms: 600_000 }, { onprogress: (one: Progress) => progress.push(one) });
    waited.catch(() => {});
    await expect.poll(() => progress.length, { timeout: 20_000 }).toBeGreaterThan(0);
    const typed = await call(client, 'input', { path, text: 'token ghp_0123456789abcdefghijABCDEFGHIJ012345\n', eof: true });
    expect(typed.text).toContain('Typed');
    const over = await waited;
    expect(over.data).toMatchObject({ status: 'done', exit_code: 0 });
    expect(over.text).toContain('token ghp_****');
    expect((await call(client, 'get', { path })).text).not.toContain('0123456789abcdefghij');

    const counted = (await accepted(client, 'seq 500; true')).data;
    const read = (part: object) => call(client, 'get', { path: counted['path'], ...part });
    expect((await read({ line: -2, limit: 2 })).text).toBe('499\n500\n');
    expect((await read({ line: 2, limit: 2 })).text).toBe('2\n3\n\n[lines 2 to 3 of 500; go on with "line": 4]');
    expect((await read({ match: '^49.$', limit: 1 })).text).toBe('490:490\n[more may match; go on with "line": 491]');
    const listed = await call(client, 'list', { run: 'shared', all: true });
    expect(listed.data).toMatchObject({ own_run: 'shared', commands: [{ path: counted['path'] }, { path, exit_code: 0 }] });

    const sleeping = await accepted(client, 'sleep 304', { yield_ms: 100 });
    const refused = await call(client, 'input', { path: sleeping.data['path'], text: 'x' });
    expect(refused).toMatchObject({ isError: true });
    expect(refused.text).toContain('Ask the user');
    expect((await call(client, 'signal', { path: sleeping.data['path'], signal: 'STOP' })).isError).toBe(false);
    const receipt = await call(client, 'cancel', { path: sleeping.data['path'], grace_ms: 100 });
    expect(receipt.data).toMatchObject({ finished: true, requested_by: 'mcp:Test Editor', escaped: [] });
  }, 90_000);
});

describe('{#mcp_results} every answer', () => {
  it('says the same as text and as data, of what was done, of what was left out, and of what could not be done', async () => {
    const client = await connect(['--run', 'twice']);
    const done = await accepted(client, "seq 9000; echo 'broken: \u00fc' >&2; exit 4");
    expect(done.data).toMatchObject({ is_error: false, status: 'failed', exit_code: 4, channels: [{ bytes: 43_893 }, { bytes: 11 }] });
    expect(done.data['text']).toMatch(/\n9000\| 9000\n/);
    expect(done.data['text']).toMatch(/left out: \d+ bytes; read on with get/);
    expect(done.data['text']).toContain('broken: \u00fc');
    const path = done.data['path'];
    const page = await call(client, 'get', { path, limit: 3 });
    expect(page.data).toMatchObject({ text: '1\n2\n3\n\n[lines 1 to 3 of 9000; go on with "line": 4]', last_line: 3, complete: false });
    const over = await call(client, 'signal', { path, signal: 'INT' });
    expect(over.data).toMatchObject({ is_error: true, text: expect.stringContaining('read it with get') });
    const wrong = await call(client, 'get', { path, lines: 3 });
    expect(wrong.data).toMatchObject({ is_error: true, text: expect.stringContaining('"lines"') });
    const elsewhere = await call(client, 'wait', { path: 'log://turn_0/sh/none' });
    expect(elsewhere.data).toMatchObject({ is_error: true, text: expect.stringContaining('list says') });
    expect((await call(client, 'list', { run: 'twice', all: true })).data['text']).toContain('1 of 1 commands');
  }, 60_000);
});

describe('{#mcp_wait} the progress of a command', () => {
  const told = (client: Client, args: Record<string, unknown>) => {
    const progress: Progress[] = [];
    const over = call(client, 'wait', { ms: 600_000, ...args }, { onprogress: (one: Progress) => void progress.push(one) });
    over.catch(() => {});
    const messages = () => progress.map(({ message }) => message);
    return { progress, messages, over };
  };

  it('is of one moment each time, and rises', async () => {
    const client = await connect();
    const command = `i=0; while [ $i -lt 3000000 ]; do printf '%07d\\n' $i; i=$((i + 1)); done`;
    const { path } = (await accepted(client, command, { yield_ms: 0 })).data;
    const { progress, over } = told(client, { path });
    await expect.poll(() => progress.length, { timeout: 30_000 }).toBeGreaterThan(3);
    await call(client, 'cancel', { path, grace_ms: 100 });
    expect((await over).data).toMatchObject({ status: 'cancelled' });
    const last = progress.length;
    /** What the command's last line is when it has written so many bytes. */
    const lineAt = (bytes: number) =>
      bytes % 8 === 0
        ? String(bytes / 8 - 1).padStart(7, '0')
        : String((bytes - (bytes % 8)) / 8)
            .padStart(7, '0')
            .slice(0, bytes % 8);
    const written = progress.flatMap(({ message }) => /^(\d+) bytes: (\d+)$/.exec(message ?? '')?.slice(1) ?? []);
    const sizes = written.filter((_, index) => index % 2 === 0).map(Number);
    expect(written.filter((_, index) => index % 2 === 1)).toEqual(sizes.map(lineAt));
    expect(sizes.length).toBeGreaterThan(2);
    expect(sizes).toEqual([...sizes].sort((a, b) => a - b));
    expect(progress.map((one) => one.progress)).toEqual(Array.from({ length: last }, (_, index) => index + 1));
  }, 60_000);

  it('counts what was written to both channels, and shows the last line of the one that grew', async () => {
    const client = await connect();
    const started = await accepted(client, `printf '0123456789\\n' >&2; read go; echo out; read go`, { stdin: true, yield_ms: 0 });
    const { run, path } = started.data;
    const { messages, over } = told(client, { path });
    await expect.poll(messages, { timeout: 20_000 }).toContain('11 bytes: 0123456789');
    await person.call('stream/input', { run, path, chunk: 'go\n' });
    await expect.poll(messages, { timeout: 20_000 }).toContain('15 bytes: out');
    await person.call('stream/input', { run, path, eof: true });
    await over;
  }, 60_000);
});

describe('{#mcp_control} what is typed into a command that does not read', () => {
  it('fails when there is no more room for it, with how much was taken, and its input goes on', async () => {
    await person.call('policy/add', { decision: 'allow', rule: 'input(sleep *)' });
    const client = await connect();
    const { path } = (await accepted(client, 'sleep 305', { stdin: true, yield_ms: 100 })).data;
    const text = 'x'.repeat(16_384);
    // A pipe of Linux holds four of them.
    for (let nth = 0; nth < 4; nth++) expect((await call(client, 'input', { path, text })).text).toContain('Typed 16384 bytes');
    const refused = await call(client, 'input', { path, text, eof: true });
    expect(refused).toMatchObject({ isError: true, text: expect.stringMatching(/took only 0 of 16384 bytes.*was not ended/) });
    await call(client, 'cancel', { path, grace_ms: 100 });
  }, 90_000);
});

describe('{#mcp_get} {#mcp_resources} output that is longer than an answer', () => {
  it('is read on where the answer before it ended, also within a line', async () => {
    const client = await connect();
    const line = (number: number) => `${String(number).padStart(5, '0')}:${'x'.repeat(994)}END`;
    const script = (text: string) => `${JSON.stringify(process.execPath)} -e ${JSON.stringify(text)}`;
    const long = script(`for (let i = 1; i <= 40; i++) console.log(String(i).padStart(5, '0') + ':' + 'x'.repeat(994) + 'END')`);
    const { path } = (await accepted(client, long)).data;
    const first = await call(client, 'get', { path });
    expect(first.data).toMatchObject({ first_line: 1, last_line: 32, total_lines: 40, complete: false });
    expect(first.text).toMatch(/END\n\n\[lines 1 to 32 of 40; go on with "line": 33\]$/);
    const rest = await call(client, 'get', { path, line: 33 });
    expect(rest.data).toMatchObject({ first_line: 33, last_line: 40, complete: true });
    expect(rest.text).toBe(Array.from({ length: 8 }, (_, index) => `${line(33 + index)}\n`).join(''));

    const wide = script(`console.log('\u00fc'.repeat(20_000)); console.log('after')`);
    const one = (await accepted(client, wide)).data;
    const begin = await call(client, 'get', { path: one['path'] });
    expect(begin.text).toBe(`${'ü'.repeat(16_384)}\n[7233 bytes of line 1 are left; go on with "offset": 32768]`);
    expect(begin.data).toMatchObject({ first_line: 1, last_line: 1, total_lines: 2, complete: false });
    const end = await call(client, 'get', { path: one['path'], offset: 32_768 });
    expect(end.text).toBe(`${'ü'.repeat(3616)}\nafter\n`);
    expect(end.data).toMatchObject({ first_line: 1, last_line: 2, complete: true });
    expect((await call(client, 'get', { path: one['path'], offset: 32_768, limit: 1 })).text).toMatch(/ü\n\n\[lines 1 to 1 of 2; go on/);
    expect(await call(client, 'get', { path: one['path'], offset: 1, line: 1 })).toMatchObject({ isError: true });
  }, 90_000);

  it('is text, wherever in a character the last 64 KiB begin', async () => {
    const client = await connect();
    const command = `${JSON.stringify(process.execPath)} -e "process.stdout.write('a' + '\u20ac'.repeat(30000))"`;
    const { data: done } = await accepted(client, command);
    const [channel] = done['channels'] as { uri: string }[];
    const [content] = (await client.readResource({ uri: channel?.uri ?? '' })).contents;
    expect(content).toMatchObject({ mimeType: 'text/plain', text: expect.stringMatching(/^€{21845}$/) });
  }, 60_000);
});

describe('{#mcp_server} {#redaction} what other clients run', () => {
  it('is listed without the secrets of its command lines', async () => {
    const client = await connect();
    const secret = '0123456789abcdefghijABCDEFGHIJ012345';
    const { run } = await person.call<{ run: string }>('startRun', { model: 'scripted' });
    const runs = await person.call<{ path: string }>('sh', { run, command: `: ghp_${secret}; sleep 305` });
    await person.call('run/resolve', { run, resolution: { path: runs.path, action: 'accept' } });
    await person.notice('stream/started', (params) => params['path'] === runs.path && params['run'] === run);
    await person.call('sh', { run, command: `curl -H 'Authorization: Bearer ${secret}' host` });
    const listed = await call(client, 'list', { run });
    expect(listed.data).toMatchObject({ commands: [{ path: runs.path }], proposals: [{ run }] });
    const resources = await client.listResources();
    expect(resources.resources.map(({ title }) => title).join('\n')).toContain(': ghp_****');
    expect(JSON.stringify([listed, resources])).not.toContain(secret);
    expect(listed.text).toContain('Bearer ****');
    await person.call('stream/cancel', { run, path: runs.path, grace_ms: 100 });
  }, 60_000);
});

describe.each([
  ['2025', false],
  ['2026', true],
])('{#mcp_resources} channels for a client of the revision of %s', (_, modern) => {
  it('are listed, read, and told of as they grow', async () => {
    const client = await connect([], { modern });
    const news = { listed: 0, updated: [] as string[] };
    client.setNotificationHandler('notifications/resources/list_changed', () => void news.listed++);
    client.setNotificationHandler('notifications/resources/updated', ({ params }) => void news.updated.push(params.uri));
    await call(client, 'list', {});
    const listening = modern ? await client.listen({ resourcesListChanged: true }) : undefined;
    const command = `echo first ${modern}; cat`;
    const started = await accepted(client, command, { stdin: true, yield_ms: 100 });
    const [channel] = started.data['channels'] as { uri: string }[];
    const uri = channel?.uri ?? '';
    await expect.poll(() => news.listed, { timeout: 20_000 }).toBeGreaterThan(0);
    expect((await client.listResources()).resources.map((one) => one.uri)).toContain(uri);
    const second = modern ? await client.listen({ resourceSubscriptions: [uri] }) : void (await client.subscribeResource({ uri }));
    const { run, path } = started.data;
    await person.call('stream/input', { run, path, chunk: 'more\n' });
    await expect.poll(() => news.updated, { timeout: 20_000 }).toContain(uri);
    await expect
      .poll(async () => (await client.readResource({ uri })).contents, { timeout: 20_000 })
      .toMatchObject([{ uri, text: `first ${modern}\nmore\n` }]);
    const before = news.updated.length;
    await person.call('stream/input', { run, path, eof: true });
    await expect.poll(() => news.updated.length, { timeout: 20_000 }).toBeGreaterThan(before);
    await second?.close();
    await listening?.close();
  }, 90_000);
});

describe('{#mcp_errors} what cannot be done', () => {
  it('is an answer that says what to do next, or -32602 for what does not exist', async () => {
    const client = await connect();
    const wrong = await call(client, 'sh', { comand: 'ls' });
    expect(wrong).toMatchObject({ isError: true });
    expect(wrong.text).toContain('comand');
    expect((await call(client, 'wait', { path: 'log://turn_0/sh/none', run: 'nobody' })).text).toContain('list says which runs');
    expect((await call(client, 'cancel', { path: 'log://turn_0/sh/none' })).text).toContain('started no command yet');
    await expect(client.callTool({ name: 'resolve', arguments: {} })).rejects.toMatchObject({ code: -32602 });
    await expect(client.readResource({ uri: 'headgate://runs/none/channels/none' })).rejects.toMatchObject({ code: -32602 });
  }, 60_000);

  it('names tools and commands, and no method of another protocol', async () => {
    const client = await connect();
    const { path: ended } = (await accepted(client, 'true ended')).data;
    const { path: proposed } = (await call(client, 'sh', { command: 'true proposed', yield_ms: 0 })).data;
    const [refused] = await Promise.all([call(client, 'sh', { command: 'true refused' }), answer('true refused', 'reject')]);
    const { path: deaf } = (await accepted(client, 'sleep 306', { yield_ms: 0 })).data;
    await person.call('policy/add', { decision: 'deny', rule: 'sh(true denied)' });
    await person.call('policy/add', { decision: 'allow', rule: 'input(sleep *)' });
    const none = 'log://turn_0/sh/none';
    const run = 'nobody';
    const asked: [tool: string, args: Record<string, unknown>][] = [
      ['sh', { command: 'true denied' }],
      ['sh', { command: 'true', cwd: '../..' }],
      ['sh', { command: 'true', env: { 'A=B': 'c' } }],
      ['sh', { command: 'true', timeout_ms: 2 ** 45 }],
      ['sh', { command: 'true \0' }],
      ['wait', { path: none }],
      ['wait', { path: none, run }],
      ['wait', { path: 'nothing' }],
      ['get', { path: none }],
      ['get', { path: none, run }],
      ['get', { path: proposed }],
      ['get', { path: refused.data['path'] }],
      ['get', { path: ended, channel: 9 }],
      ['get', { path: 'sh://turn_0/none_1' }],
      ['get', { path: ended, match: '(' }],
      ['get', { path: ended, line: 0 }],
      ['input', { path: deaf, text: 'x' }],
      ['input', { path: ended, text: 'x' }],
      ['input', { path: none, text: 'x' }],
      ['signal', { path: ended, signal: 'INT' }],
      ['signal', { path: deaf, signal: 'NONE' }],
      ['signal', { path: proposed, signal: 'INT' }],
      ['cancel', { path: refused.data['path'] }],
      ['cancel', { path: none }],
      ['list', { run }],
    ];
    const told = await Promise.all(asked.map(async ([tool, args]) => [tool, args, await call(client, tool, args)] as const));
    expect(told.filter(([, , { isError }]) => !isError).map(([tool, args]) => [tool, args])).toEqual([]);
    const { methods } = await person.call<{ methods: Record<string, unknown> }>('discover');
    const names = Object.keys(methods).filter((name) => /[A-Z/.]/.test(name));
    expect(names).toContain('stream/read');
    for (const [tool, args, { text }] of told) {
      const named = names.filter((name) => text.split(/[^\w/.]+/).includes(name));
      expect(named, `${tool} ${JSON.stringify(args)}: ${text}`).toEqual([]);
    }
    await call(client, 'cancel', { path: deaf, grace_ms: 100 });
    await call(client, 'cancel', { path: proposed });
  }, 90_000);
});

describe('{#mcp_server} the server behind it', () => {
  it('is started when none runs, stays when the client goes, and is found again after a restart', async () => {
    const own = join(temp.folder, 'own');
    const client = await connect([], { data: own });
    expect((await call(client, 'list', {})).isError).toBe(false);
    const pid = async () => (JSON.parse(await readFile(join(own, 'server.json'), 'utf8')) as { pid: number }).pid;
    const first = await pid();
    await endServer(own);
    const again = await serve(own);
    try {
      expect((await call(client, 'list', {})).isError).toBe(false);
      await client.close();
      expect(again.process.exitCode).toBeNull();
      expect(again.pid).not.toBe(first);
    } finally {
      await again.stop();
    }
  }, 90_000);

  it('says how to go on where a named one is not there', async () => {
    const client = await connect(['--socket', join(temp.folder, 'none.sock')]);
    const refused = await call(client, 'list', {});
    expect(refused).toMatchObject({ isError: true });
    expect(refused.text).toContain('no server answers');
    expect(refused.text).toContain('headgate serve');
  }, 60_000);

  it("serves the agent of another server, as that one's own MCP client", async () => {
    const config = join(temp.folder, 'config.yaml');
    await writeFile(
      config,
      JSON.stringify({ mcp: { inner: { command: process.execPath, args: [MAIN, 'mcp', '--data', data, '--project', root] } } }),
    );
    const outer = await serve(join(temp.folder, 'outer'), ['--config', config]);
    const client = await WireClient.connect(outer, root);
    try {
      const tools = async () => (await client.call<{ tools: string[] }>('run/validate', { prompt: 'look', model: 'scripted' })).tools;
      await expect.poll(tools, { timeout: 30_000 }).toContain('mcp__inner__sh');
    } finally {
      await client.close();
      await outer.stop();
    }
  }, 90_000);
});
