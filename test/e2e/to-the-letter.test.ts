import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BuiltServer, readAll, serve, WireClient } from '../support/built-server.ts';
import { fetchText } from '../support/event-source.ts';
import { TtyClient } from '../support/tty-client.ts';

/** What the sources of Headgate's design name, each line tried on the built server as a client would. */

let folder: string;
let root: string;
let server: BuiltServer;
let client: WireClient;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headgate-letter-'));
  root = join(folder, 'project');
  await mkdir(root);
  await writeFile(join(root, 'a.txt'), 'one\ntwo\n');
  server = await serve(join(folder, 'data'));
  client = await WireClient.connect(server);
  // The project that the header names: called by the folder.
  await client.call('init', { name: 'project', projectRoot: root, client: { name: 'test' } });
  await client.call('startRun', { model: 'scripted', alias: 'r' });
  await client.call('policy/add', { decision: 'allow', rule: 'sh(*)' });
});

afterAll(async () => {
  await client.close();
  await server.stop();
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
  const { status, headers: sent, body } = await fetchText(`${server.http}/rpc`, {
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
  const terminal = { tty: { cols: 90, rows: 20, pixel_width: 900, pixel_height: 400, modes: { ECHO: 0, ICRNL: true, VINTR: 3, DANCE: 1 } } };

  it('A12: /tty sets pixel_width, pixel_height and modes of the terminal, and a resize reaches TIOCSWINSZ', async () => {
    const size = `perl -e '$s = ""; ioctl(STDIN, 0x5413, $s); print join(" ", unpack("S4", $s)), "\n"'`;
    const tty = await TtyClient.open(server, { run: 'r', project: 'project', ...terminal, cmd: `s() { ${size}; }; s; stty -a; while [ "$(s)" = "20 90 900 400" ]; do sleep 0.05; done; s; read x; echo "<$x>"` });
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
