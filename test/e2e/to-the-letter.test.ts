import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BuiltServer, readAll, serve, WireClient } from '../support/built-server.ts';
import { cli } from '../support/cli.ts';
import { fetchText, TestEventSource } from '../support/event-source.ts';
import { type OpenAiServer, openAiServer } from '../support/openai-server.ts';
import { TtyClient } from '../support/tty-client.ts';

/** What the sources of Headgate's design name, each line tried on the built server as a client would. */

let folder: string;
let root: string;
let server: BuiltServer;
let client: WireClient;
let model: OpenAiServer;
let engine: Server;
let engineUrl: string;
const searches: { url: string; key: unknown }[] = [];

/** A plugin as its author writes it. */
const SPY = `export default {
  name: 'spy',
  setup({ on, filter, notify }) {
    on('stream.cancelled', ({ projectId, run, path, reason }) => notify({ projectId, run }, 'info', 'spy: ' + path + ' ' + reason));
    filter('tools.docs', (doc, { tool }) => (tool === 'think' ? 'A text of the spy.' : doc));
  },
};
`;

/** The options of a server with a configuration file of this text. */
async function configured(name: string, text: string): Promise<string[]> {
  const file = join(folder, `${name}.yaml`);
  await writeFile(file, text);
  return ['--config', file];
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headgate-letter-'));
  root = join(folder, 'project');
  await mkdir(root);
  await writeFile(join(root, 'a.txt'), 'one\ntwo\n');
  await writeFile(join(folder, 'spy.mjs'), SPY);
  model = await openAiServer();
  engine = createServer((request, response) => {
    searches.push({ url: request.url ?? '', key: request.headers['x-key'] });
    const results = [
      { title: 'One  result', url: 'https://one.example/', content: 'the first\nexcerpt' },
      { title: 'Two', url: 'https://two.example/', content: '' },
      { title: 'Three', url: 'https://three.example/', content: 'x' },
    ];
    const text = request.url?.startsWith('/api')
      ? { data: { items: [{ name: 'Generic', link: 'https://g.example/', abstract: 'from JSON' }] } }
      : { results };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(text));
  }).listen(0, '127.0.0.1');
  await once(engine, 'listening');
  engineUrl = `http://127.0.0.1:${(engine.address() as AddressInfo).port}`;
  server = await serve(join(folder, 'data'), await configured('searxng', `webSearch: {url: "${engineUrl}/"}\nplugins: [./spy.mjs]\n`));
  client = await WireClient.connect(server);
  // The project that the header names: called by the folder.
  await client.call('init', { name: 'project', projectRoot: root, client: { name: 'test' } });
  await client.call('startRun', { model: 'scripted', alias: 'r' });
  await client.call('policy/add', { decision: 'allow', rule: 'sh(*)' });
});

afterAll(async () => {
  await client.close();
  await server.stop();
  await model.close();
  engine.close();
  await rm(folder, { recursive: true, force: true });
});

const headers = () => ({ authorization: `Bearer ${server.token}`, 'headgate-project': root });
const call = (method: string, params?: object) => ({ jsonrpc: '2.0', id: 1, method, ...(params ? { params } : {}) });

async function post(body: unknown, more: Record<string, string> = {}) {
  const answer = await fetchText(`${server.http}/rpc`, {
    method: 'POST',
    headers: { ...headers(), ...more },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { status: answer.status, answer: JSON.parse(answer.body) as Record<string, never> };
}

/** A stream of events, read to its end. */
async function streamed(method: string, params: object) {
  const {
    status,
    headers: sent,
    body,
  } = await fetchText(`${server.http}/rpc`, {
    method: 'POST',
    headers: { ...headers(), accept: 'text/event-stream' },
    body: JSON.stringify(call(method, params)),
  });
  const events = body
    .split('\n\n')
    .map((block) => ({ event: /^event: (.*)$/m.exec(block)?.[1] ?? '', data: /^data: (.*)$/m.exec(block)?.[1] }))
    .filter(({ event }) => event !== '')
    .map(({ event, data }) => ({ event, data: JSON.parse(data ?? '{}') as Record<string, unknown> }));
  return { status, type: sent['content-type'], events };
}

describe('{#transport_http}', () => {
  it('A7: POST /rpc: the HTTP status follows the error of a single call, batches stay 200', async () => {
    const statuses = async (...bodies: unknown[]) => await Promise.all(bodies.map(async (body) => (await post(body)).status));
    expect(
      await statuses(
        call('ping'),
        '{',
        call('nope'),
        call('getRun', { run: 'nosuch' }),
        call('getRuns', { limit: 'many' }),
        call('sh', { run: 'nosuch', command: 'true' }),
        [call('nope'), call('ping')],
      ),
    ).toEqual([200, 400, 404, 404, 400, 404, 200]);
    await post(call('startRun', { model: 'scripted', alias: 'there' }));
    expect(await post(call('startRun', { model: 'scripted', alias: 'there' }))).toMatchObject({
      status: 409,
      answer: { error: { data: { name: 'alias_taken' } } },
    });
    expect(await post(call('sh', { run: 'there', command: 'true', backend: 'nosuch' }))).toMatchObject({ status: 501 });
    expect(await post(call('ping'), { authorization: 'Bearer wrong' })).toMatchObject({ status: 401 });
  });

  it('A7: Accept: text/event-stream on sh starts it and streams to its end in one request', async () => {
    const { status, type, events } = await streamed('sh', { run: 'r', command: 'echo one; sleep 0.1; echo two >&2; exit 3' });
    expect([status, type]).toEqual([200, 'text/event-stream']);
    expect(events[0]).toMatchObject({ event: 'result', data: { run: 'r', path: expect.stringMatching(/^log:/) } });
    const output = events.filter(({ event }) => event === 'stream/chunk').map(({ data }) => [data['channel'], data['chunk']]);
    expect(output).toEqual([
      [1, 'one\n'],
      [2, 'two\n'],
    ]);
    expect(events.at(-1)).toMatchObject({ event: 'stream/ended', data: { exit_code: 3 } });
  });

  it('A7: Accept: text/event-stream on act streams the run to the end of its loop, and a refusal is JSON with its status', async () => {
    await post(call('startRun', { model: 'scripted', alias: 'acted' }));
    const { events } = await streamed('act', { prompt: 'hello', model: 'scripted', run: 'acted' });
    expect(events[0]).toMatchObject({ event: 'result', data: { run: 'acted', loop: 1 } });
    expect(events.at(-1)).toMatchObject({ event: 'run/state', data: { run: 'acted', loop: 1, status: 200 } });
    const refused = await post(call('act', { prompt: 'hello', model: 'nosuch' }), { accept: 'text/event-stream' });
    expect(refused).toMatchObject({ status: 404, answer: { id: 1, error: { data: { name: 'not_found' } } } });
    expect(await post(call('getRuns'), { accept: 'text/event-stream' })).toMatchObject({ status: 400 });
  });
});

describe('{#stream_cancel} {#client_channels}', () => {
  it('A3: stream/completed takes duration as milliseconds or as a string with a unit', async () => {
    for (const [duration, ms] of [
      [1200, 1200],
      ['1.2s', 1200],
      ['500ms', 500],
    ] as const) {
      const { path } = await client.call<{ path: string }>('sh', { run: 'r', command: 'mine', runner: 'client' });
      await client.call('stream/completed', { run: 'r', path, exit_code: 0, duration });
      expect(await client.call('get', { run: 'r', path })).toMatchObject({ attributes: { duration_ms: ms } });
    }
  });

  it('A3: stream/cancel of what has ended returns its terminal status instead of an error', async () => {
    const { path } = await client.call<{ path: string }>('sh', { run: 'r', command: 'exit 4', yield_ms: 10_000 });
    const cancel = () => client.call('stream/cancel', { run: 'r', path });
    const expected = { ok: true, terminal_status: 500, channels: [{ channel: 1, status: 500 }, { channel: 2 }] };
    expect(await cancel()).toMatchObject(expected);
    expect(await cancel()).toMatchObject(expected);
    expect(await client.call('get', { run: 'r', path })).toMatchObject({ status: 500, outcome: 'exit:4' });
  });

  it('A3: a client that runs a command opens channels beyond 1 and 2, with names', async () => {
    const { path, channels } = await client.call<{ path: string; channels: { channel: number; path: string }[] }>('sh', {
      run: 'r',
      command: 'compile',
      runner: 'client',
      channels: { 3: 'warnings', 7: 'timings' },
    });
    expect(channels.map(({ channel }) => channel)).toEqual([1, 2, 3, 7]);
    expect(await client.call('get', { run: 'r', path, channel: 3 })).toMatchObject({ attributes: { name: 'warnings' } });
    await client.call('stream', { run: 'r', path, channel: 7, chunk: 'link 3 ms\n' });
    await client.call('stream/completed', { run: 'r', path, exit_code: 0 });
    expect((await readAll(client, 'r', path, 7)).toString()).toBe('link 3 ms\n');
    await expect(client.call('sh', { run: 'r', command: 'true', channels: { 3: 'x' } })).rejects.toMatchObject({
      data: { name: 'invalid_params', field: 'channels' },
    });
  });
});

describe('{#entries}', () => {
  it('A4: set with append puts a body behind that of any entry that is not a channel', async () => {
    const known = { run: 'r', path: 'known://notes' };
    await client.call('set', { ...known, body: 'one\n', append: true });
    expect(await client.call('set', { ...known, body: 'two\n', append: true })).toMatchObject({ body: 'one\ntwo\n', version: 2 });
    expect(await client.call('get', known)).toMatchObject({ body: 'one\ntwo\n' });
    await expect(client.call('set', { ...known, append: true })).rejects.toMatchObject({ data: { name: 'invalid_params' } });
    await expect(client.call('set', { run: 'r', path: 'file://a.txt', body: 'x', append: true })).rejects.toMatchObject({
      data: { name: 'unsupported', field: 'append' },
    });
  });
});

describe('{#tty_open} {#tty_frames}', () => {
  const terminal = {
    tty: { cols: 90, rows: 20, pixel_width: 900, pixel_height: 400, modes: { ECHO: 0, ICRNL: true, VINTR: 3, DANCE: 1 } },
  };

  it('A12: /tty sets pixel_width, pixel_height and modes of the terminal, and a resize reaches TIOCSWINSZ', async () => {
    const size = `perl -e '$s = ""; ioctl(STDIN, 0x5413, $s); print join(" ", unpack("S4", $s)), "\n"'`;
    const tty = await TtyClient.open(server, {
      run: 'r',
      project: 'project',
      ...terminal,
      cmd: `s() { ${size}; }; s; stty -a; while [ "$(s)" = "20 90 900 400" ]; do sleep 0.05; done; s; read x; echo "<$x>"`,
    });
    await tty.until(() => /isig/.test(tty.bytes().toString()));
    expect(tty.bytes().toString()).toMatch(/^20 90 900 400\r\n/);
    expect(tty.bytes().toString()).toMatch(/\sicrnl\s[^]*\s-echo\s/);
    tty.control({ type: 'resize', cols: 100, rows: 30, pixel_width: 1000, pixel_height: 600, later: true });
    tty.type('typed\n');
    expect(await tty.exit()).toMatchObject({ code: 0 });
    expect(tty.bytes().toString()).toMatch(/30 100 1000 600\r\n<typed>\r\n$/);
  });

  it('A12: {"type":"signal","name":"INT"}, an unknown control and a zero-length stdin chunk never close the session', async () => {
    const tty = await TtyClient.open(server, {
      run: 'r',
      project: 'project',
      backend: 'local',
      tty: null,
      cmd: 'trap "echo interrupted" INT; echo ready; while :; do sleep 0.05; read -r line && break; done; echo "got $line"; cat',
    });
    await tty.until(() => tty.bytes().includes('ready'));
    tty.control({ type: 'dance' });
    await tty.until(() => tty.controls.length > 0);
    expect(tty.controls[0]).toMatchObject({ type: 'error', of: 'control', error: { data: { name: 'invalid_params' } } });
    tty.control({ type: 'signal', name: 'INT' });
    await tty.until(() => tty.bytes().includes('interrupted'));
    tty.type('a line\n');
    tty.socket.send(TtyClient.chunk(0, ''));
    expect(await tty.exit()).toMatchObject({ code: 0 });
    expect(tty.bytes().toString()).toContain('got a line\n');
  });

  it('A12: docker is a name of the backend container', async () => {
    const tty = await TtyClient.connect(server, { run: 'r', project: 'project', backend: 'docker', cmd: 'true', tty: null });
    expect(await tty.answer()).toMatchObject({ ok: false, error: { data: { name: 'invalid_params', field: 'container' } } });
  });
});

describe('{#run_title}', () => {
  it('A9: a run has a title from its first prompt, or as somebody calls it, in getRuns, getRun, headgate runs and the list of an editor', async () => {
    const of = async (run: string) =>
      (await client.call<{ run: string; title: string | null }[]>('getRuns')).find((row) => row.run === run)?.title;
    await client.call('startRun', { model: 'scripted', alias: 'titled' });
    expect(await of('titled')).toBeNull();
    await client.call('act', { run: 'titled', prompt: `\n  Mend the login form\nand say why`, wait: true });
    await client.call('act', { run: 'titled', prompt: 'Then the other one', wait: true });
    expect(await of('titled')).toBe('Mend the login form');
    expect(await client.call('getRun', { run: 'titled' })).toMatchObject({ title: 'Mend the login form' });
    const listed = await cli(['runs', '--url', server.url], { cwd: root, env: { HEADGATE_TOKEN: server.token } });
    expect(listed.out).toMatch(/^titled .* Mend the login form$/m);
    await client.call('run/config', { run: 'titled', title: 'Login' });
    expect(await of('titled')).toBe('Login');
    await client.call('run/config', { run: 'titled', title: '' });
    expect(await of('titled')).toBe('Mend the login form');
  });
});

/** One loop of a model that calls the tool once, and the log entry of that call. */
async function called(of: WireClient, run: string, tool: string, input: object): Promise<Record<string, unknown>> {
  await of.call('addModel', { alias: `m-${run}`, actual: 'gpt-test', provider: 'openai-compatible', baseUrl: model.url });
  await of.call('startRun', { model: `m-${run}`, alias: run });
  model.answer({ kind: 'say', text: '', calls: [{ id: 'c1', name: tool, args: JSON.stringify(input) }] }, { kind: 'say', text: 'Done.' });
  await of.call('act', { run, prompt: 'go on', wait: true, yolo: true });
  const [entry] = await of.call<Record<string, unknown>[]>('getEntries', { run, pattern: `log://*/${tool}/*` });
  return entry ?? {};
}

describe('{#tool_web_search}', () => {
  it('A6: a search of the web through a SearXNG-shaped endpoint has its results as entries', async () => {
    const entry = await called(client, 'web', 'web_search', { query: 'wal & checkpoints', max_results: 2 });
    expect(entry).toMatchObject({ status: 200 });
    expect(searches.at(-1)?.url).toBe('/search?format=json&q=wal%20%26%20checkpoints');
    const [results] = await client.call<{ body: string }[]>('getEntries', { run: 'web', pattern: 'web_search://*/*_1' });
    expect(results?.body).toBe('1. One result\n   https://one.example/\n   the first excerpt\n\n2. Two\n   https://two.example/\n\n');
    const [json] = await client.call<{ body: string }[]>('getEntries', { run: 'web', pattern: 'web_search://*/*_2' });
    expect(JSON.parse(json?.body.split('\n')[0] ?? '')).toEqual({
      title: 'One result',
      url: 'https://one.example/',
      text: 'the first excerpt',
    });
  });

  it('A6: a generic JSON endpoint gets the query and its key, and without an engine the refusal says what to configure', async () => {
    const text = `webSearch: {kind: json, url: "${engineUrl}/api?text={query}", results: data.items, fields: {title: name, url: link, text: abstract}, apiKeyEnv: LETTER_KEY, keyHeader: X-Key}`;
    const generic = await serve(join(folder, 'generic'), await configured('generic', text), { LETTER_KEY: 'letter-key-12345' });
    const without = await serve(join(folder, 'without'));
    try {
      const other = await WireClient.connect(generic, root);
      expect(await called(other, 'json', 'web_search', { query: 'a b' })).toMatchObject({ status: 200 });
      expect(searches.at(-1)).toEqual({ url: '/api?text=a%20b', key: 'letter-key-12345' });
      const [results] = await other.call<{ body: string }[]>('getEntries', { run: 'json', pattern: 'web_search://*/*_1' });
      expect(results?.body).toBe('1. Generic\n   https://g.example/\n   from JSON\n\n');
      await other.close();
      const none = await WireClient.connect(without, root);
      const refused = await called(none, 'none', 'web_search', { query: 'a' });
      expect(refused).toMatchObject({ status: 501, outcome: 'unsupported', body: expect.stringContaining('webSearch: {url:') as string });
      await none.close();
    } finally {
      await Promise.all([generic.stop(), without.stop()]);
    }
  });
});

describe('{#other_project}', () => {
  it('A10: startRun and act with projectRoot are of another project, if the token may', async () => {
    const other = join(folder, 'other');
    await mkdir(other);
    expect(await client.call('startRun', { model: 'scripted', alias: 'there-too', projectRoot: other })).toMatchObject({
      project: 'other',
    });
    await client.call('act', { run: 'there-too', prompt: 'hello', projectRoot: other, wait: true });
    await expect(client.call('getRun', { run: 'there-too' })).rejects.toMatchObject({ data: { name: 'not_found' } });
    const visitor = await WireClient.connect(server);
    await visitor.call('init', { name: 'other', projectRoot: other });
    expect(await visitor.call('getRun', { run: 'there-too' })).toMatchObject({ loops: [{ status: 200 }] });
    await visitor.close();
    const { token } = await client.call<{ token: string }>('token/add', { name: 'bound', scope: 'run', projects: ['project'] });
    const bound = await WireClient.connect({ ...server, token });
    await bound.call('init', { name: 'project', projectRoot: root });
    await expect(bound.call('startRun', { model: 'scripted', projectRoot: other })).rejects.toMatchObject({ data: { name: 'forbidden' } });
    await bound.close();
  });
});

describe('{#config}', () => {
  it('A11: getConfig returns the configuration in force without secrets, with a provider that was added at run time', async () => {
    const config = await client.call<Record<string, Record<string, unknown>>>('getConfig');
    expect(config).toMatchObject({
      webSearch: { kind: 'searxng', url: `${engineUrl}/search?format=json&q={query}` },
      limits: { outputBytes: 64 * 1024 ** 3 },
      policy: { readOnly: true },
    });
    expect(JSON.stringify(config['providers'])).toContain(model.url);
    const text = 'mcp: {notes: {command: "false", env: {NOTES_KEY: "swordfish"}}}';
    const secret = await serve(join(folder, 'secret'), await configured('secret', text));
    const admin = await WireClient.connect(secret);
    const shown = JSON.stringify(await admin.call('getConfig'));
    expect(shown).toContain('NOTES_KEY');
    expect(shown).not.toContain('swordfish');
    await admin.close();
    await secret.stop();
  });
});

describe('{#transport_sse}', () => {
  it("A16: GET /events has a project's events, and a POST of any subscription streams what it brings", async () => {
    const events = await TestEventSource.open(`${server.http}/events?project=project`, { authorization: `Bearer ${server.token}` });
    const { path } = await client.call<{ path: string }>('sh', { run: 'r', command: 'echo seen', yield_ms: 10_000 });
    const find = (source: TestEventSource) => source.events.find(({ event, data }) => event === 'stream/ended' && data['path'] === path);
    await events.until((source) => find(source) !== undefined);
    const ended = find(events);
    expect(ended?.data).toMatchObject({ run: 'r', exit_code: 0 });
    events.close();
    const again = await TestEventSource.open(`${server.http}/events?project=project&since=${Number(ended?.id) - 1}`, {
      authorization: `Bearer ${server.token}`,
    });
    await again.until(({ events: seen }) => seen.length > 0);
    expect(again.events[0]).toMatchObject({ event: 'stream/ended', id: ended?.id });
    again.close();
    const read = await streamed('stream/subscribe', { run: 'r', path });
    expect(read.events.map(({ event }) => event)).toEqual(['result', 'stream/chunk', 'stream/ended']);
    expect(read.events[1]?.data).toMatchObject({ chunk: 'seen\n', offset: 0 });
  });
});

describe('{#hooks}', () => {
  it('A5: plugins are told stream.cancelled, and change what models are told of a tool with tools.docs', async () => {
    const { path } = await client.call<{ path: string }>('sh', { run: 'r', command: 'exec sleep 600' });
    await client.call('stream/cancel', { run: 'r', path, reason: 'enough', grace_ms: 100 });
    expect(await client.notice('ui/notify', ({ text }) => text === `spy: ${path} enough`)).toMatchObject({ run: 'r' });
    await called(client, 'docs', 'think', { thought: 'x' });
    const [request] = model.requests.slice(-2);
    const tools = request?.body.tools as unknown as { function: { name: string; description: string } }[];
    const docs = new Map(tools.map(({ function: { name, description } }) => [name, description]));
    expect(docs.get('think')).toBe('A text of the spy.');
    expect(docs.get('sh')).not.toContain('spy');
  });
});
