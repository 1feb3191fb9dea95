import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import WebSocket from 'ws';
import type { Params, WireClient } from '../support/built-server.ts';
import { openSocket, refusal, startHeadgate } from '../support/server.ts';
import { TtyClient } from '../support/tty-client.ts';

type Headgate = Awaited<ReturnType<typeof startHeadgate>>;

let headgate: Headgate;
let client: WireClient;
const terminals: TtyClient[] = [];
beforeAll(async () => {
  headgate = await startHeadgate();
  client = await headgate.connect();
});
afterEach(async () => {
  for (const terminal of terminals.splice(0)) {
    terminal.socket.resume();
    await terminal.close();
  }
  const live = await client.call<{ run: string; path: string }[]>('stream/list', { state: 'live' });
  for (const { run, path } of live) await client.call('stream/cancel', { run, path, grace_ms: 50 });
  for (const { run, path } of live)
    await vi.waitUntil(async () => (await client.call('stream/receipt', { run, path }))['state'] !== 'cancelling', { timeout: 20_000 });
});
afterAll(async () => {
  await client.close();
  await headgate.close();
});

/** Opens a session, and closes it after the test. */
async function open(first: Params): Promise<TtyClient> {
  const terminal = await TtyClient.open(headgate.server, {
    projectRoot: headgate.root,
    ...('attach' in first ? {} : { tty: null }),
    ...first,
  });
  terminals.push(terminal);
  return terminal;
}

/** What the server answers to a first message that it refuses, and how it closes. */
async function refused(first: Params | undefined, send?: (terminal: TtyClient) => void): Promise<Params> {
  const terminal = await TtyClient.connect(headgate.server, first);
  terminals.push(terminal);
  send?.(terminal);
  const answer = await terminal.answer();
  await terminal.until(() => terminal.closed !== undefined);
  expect(answer['ok']).toBe(false);
  return { ...(answer['error'] as Params), close: terminal.closed?.code };
}

const list = () => client.call<{ run: string; path: string; state: string; command: string }[]>('stream/list', {});
const sha = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

describe('{#tty_open} a session on pipes', () => {
  it('has its command in the run tty, its input and output as chunks, and the exit code as the last thing', async () => {
    const terminal = await open({ cmd: 'read line; echo "got $line"; echo aside >&2; exit 3' });
    expect(await terminal.answer()).toMatchObject({
      ok: true,
      run: 'tty',
      backend: 'process',
      tty: null,
      channels: [
        { channel: 1, offset: 0 },
        { channel: 2, offset: 0 },
      ],
    });
    terminal.type('typed\n');
    expect(await terminal.exit()).toEqual({ type: 'exit', code: 3, status: 500, outcome: 'exit:3' });
    expect([terminal.bytes(1).toString(), terminal.bytes(2).toString()]).toEqual(['got typed\n', 'aside\n']);
    expect(terminal.closed).toEqual({ code: 1000, reason: 'the command has ended' });
  });

  it('takes a command and its arguments as they are', async () => {
    const terminal = await open({ cmd: ['printf', '%s|', 'a b', "it's", '$HOME', ''], run: 'words' });
    await terminal.exit();
    expect(terminal.bytes().toString()).toBe("a b|it's|$HOME||");
  });

  it('passes environment and working directory on', async () => {
    const terminal = await open({ cmd: 'echo "$WHO in $(pwd)"', env: { WHO: 'me' }, cwd: '.' });
    await terminal.exit();
    expect(terminal.bytes().toString()).toBe(`me in ${headgate.root}\n`);
  });

  it('shows in stream/list as every other command, and a cancel by another client ends it', async () => {
    const terminal = await open({ cmd: 'echo on; exec sleep 600', client: { name: 'somebody' } });
    const { path } = await terminal.answer();
    await terminal.see(/on/);
    expect((await list()).find((one) => one.path === path)).toMatchObject({
      run: 'tty',
      state: 'running',
      command: 'echo on; exec sleep 600',
    });
    expect((await client.call<{ attributes: Params }>('get', { run: 'tty', path: path as string })).attributes['by']).toBe('somebody');
    await client.call('stream/cancel', { run: 'tty', path, reason: 'enough' });
    expect(await terminal.exit()).toMatchObject({ type: 'exit', status: 499, outcome: 'cancelled', message: 'cancelled by test: enough' });
  });

  it('outlives its connection: another one goes on at the offsets, to the same bytes and the exit code', async () => {
    const first = await open({ cmd: 'for i in 1 2 3; do read line; echo "line $line"; done; exit 7' });
    const { path, run } = await first.answer();
    first.type('one\n');
    await first.see(/line one\n/);
    first.socket.terminate();
    await first.until(() => first.closed !== undefined);
    const second = await open({ run, attach: path, from: { 1: 5 } });
    expect(((await second.answer())['channels'] as Params[]).map(({ offset }) => offset)).toEqual([5, 0]);
    second.type('two\nthree\n');
    expect(await second.exit()).toMatchObject({ type: 'exit', code: 7 });
    expect(second.bytes().toString()).toBe('one\nline two\nline three\n');
    const third = await open({ run, attach: path });
    expect(await third.exit()).toMatchObject({ code: 7 });
    expect(third.bytes().toString()).toBe('line one\nline two\nline three\n');
  });

  it('has any number of connections, one session each', async () => {
    const all = await Promise.all(Array.from({ length: 8 }, (_, i) => open({ cmd: `echo ${i}; read x; exit ${i}`, run: 'many' })));
    for (const terminal of all) terminal.type('\n');
    expect((await Promise.all(all.map((terminal) => terminal.exit()))).map(({ code }) => code)).toEqual(
      [undefined, 1, 2, 3, 4, 5, 6, 7].map((code, i) => code ?? i),
    );
  });

  it('of a run that another token may only read is refused before the upgrade', async () => {
    const socket = openSocket(`${headgate.server.http.replace('http', 'ws')}/tty`, { authorization: 'Bearer wrong' });
    expect(await refusal(socket)).toMatchObject({ status: 401, body: { error: { data: { name: 'unauthenticated' } } } });
    const origin = openSocket(`${headgate.server.http.replace('http', 'ws')}/tty`, {
      authorization: `Bearer ${headgate.server.token}`,
      origin: 'https://elsewhere.example',
    });
    expect(await refusal(origin)).toMatchObject({ status: 403 });
    const plain = await fetch(`${headgate.server.http}/tty`);
    expect([plain.status, plain.headers.get('upgrade')]).toEqual([426, 'websocket']);
  });

  it('is opened by a browser, whose token is a subprotocol and whose project is in the query', async () => {
    const url = `${headgate.server.http.replace('http', 'ws')}/tty?projectRoot=${encodeURIComponent(headgate.root)}`;
    const socket = new WebSocket(url, ['headgate', `bearer.${headgate.server.token}`]);
    const terminal = new TtyClient(socket);
    terminals.push(terminal);
    await once(socket, 'open');
    expect(socket.protocol).toBe('headgate');
    terminal.first({ cmd: 'pwd', tty: null });
    await terminal.exit();
    expect(terminal.bytes().toString()).toBe(`${headgate.root}\n`);
  });

  it('belongs to the only project when none is named', async () => {
    const terminal = await TtyClient.open(headgate.server, { cmd: 'pwd', tty: null });
    await terminal.exit();
    expect(terminal.bytes().toString()).toBe(`${headgate.root}\n`);
  });
});

describe('{#tty_open} a first message', () => {
  const cmd = { cmd: 'true', tty: null };

  it.each<[string, Params, Params]>([
    ['with a field that there is not', { ...cmd, size: 3 }, { code: -32602, data: { field: 'size' }, close: 1008 }],
    ['with a terminal that is none', { ...cmd, tty: { cols: 0 } }, { code: -32602, data: { field: 'tty.cols' } }],
    ['without a command on pipes', { tty: null }, { code: -32602, data: { field: 'command' } }],
    ['with a backend that there is not', { ...cmd, backend: 'telnet' }, { code: -32006, data: { field: 'backend' } }],
    ['with parts that do not go together', { ...cmd, backend: 'process', container: { image: 'x' } }, { code: -32602 }],
    ['with a cwd outside of the project', { ...cmd, cwd: '/etc' }, { code: -32003 }],
    ['for the client as runner', { ...cmd, runner: 'client' }, { code: -32006 }],
    ['for a run that there is not', { attach: 'log://turn_0/sh/x', run: 'nobody' }, { code: -32004 }],
    ['for an entry that there is not', { attach: 'log://turn_0/sh/nothing' }, { code: -32004 }],
    ['with a command beside attach', { attach: 'log://turn_0/sh/x', cmd: 'ls' }, { code: -32602, data: { field: 'cmd' } }],
    ['with a project that there is not', { ...cmd, project: 'unheard-of', projectRoot: undefined }, { code: -32004 }],
    ['with a root that is no folder', { ...cmd, projectRoot: '/nowhere/at/all' }, { code: -32602, data: { field: 'projectRoot' } }],
    ['with another carriage', { ...cmd, carriage: 'json' }, { code: -32602, data: { field: 'carriage' } }],
  ])('%s is refused by name', async (_, first, error) => {
    const before = await list();
    expect(await refused({ projectRoot: headgate.root, ...first })).toMatchObject(error);
    expect(await list()).toEqual(before.map((row) => expect.objectContaining({ path: row.path })));
  });

  it('that is no JSON, binary, or over a mebibyte is refused by name', async () => {
    expect(await refused(undefined, (terminal) => terminal.socket.send('{'))).toMatchObject({ code: -32700, close: 1002 });
    expect(await refused(undefined, (terminal) => terminal.type('x'))).toMatchObject({ code: -32600, close: 1002 });
    const long = { ...cmd, env: { A: 'x'.repeat(1024 * 1024) } };
    expect(await refused(long)).toMatchObject({ code: -32007, data: { limit: 1024 * 1024 }, close: 1009 });
  });

  it('of a command that cannot start is followed by an exit that tells why', async () => {
    const missing = await open({ cmd: 'true', cwd: 'nowhere' });
    expect(await missing.exit()).toMatchObject({
      type: 'exit',
      status: 500,
      outcome: 'cwd_missing',
      message: expect.stringContaining('nowhere'),
    });
  });

  it('with chunks right behind it loses none of them', async () => {
    const terminal = await TtyClient.connect(headgate.server, { projectRoot: headgate.root, cmd: 'cat', tty: null });
    terminals.push(terminal);
    for (const key of 'pipelined\n') terminal.type(key);
    terminal.control({ type: 'eof' });
    expect(await terminal.exit()).toMatchObject({ code: 0 });
    expect(terminal.bytes().toString()).toBe('pipelined\n');
  });
});

describe('{#tty_frames} chunks', () => {
  it('of a byte each, a million in a message, are typed in order before what follows', async () => {
    const session = await open({ cmd: 'sha256sum' });
    const bytes = Buffer.from(Array.from({ length: 1_000_000 }, (_, i) => i % 251));
    const message = Buffer.alloc(6 * bytes.length);
    for (const [i, byte] of bytes.entries()) {
      message.writeUInt32BE(1, 6 * i + 1);
      message[6 * i + 5] = byte;
    }
    session.socket.send(Buffer.concat([message, TtyClient.chunk(3, '{"type":"eof"}')]));
    expect(await session.exit()).toMatchObject({ code: 0 });
    expect(session.bytes().toString()).toContain(sha(bytes));
  });

  it('cut into messages anyhow, or many in one, mean the same', async () => {
    const terminal = await open({ cmd: 'cat' });
    const all = Buffer.concat([TtyClient.chunk(0, 'one'), TtyClient.chunk(0, 'two'), TtyClient.chunk(3, '{"type":"eof"}')]);
    for (const byte of all.subarray(0, 9)) terminal.socket.send(Buffer.from([byte]));
    terminal.socket.send(Buffer.alloc(0));
    terminal.socket.send(all.subarray(9));
    expect(await terminal.exit()).toMatchObject({ code: 0 });
    expect(terminal.bytes().toString()).toBe('onetwo');
  });

  it.each<[string, Buffer | string, Params, number]>([
    ['of an unknown type', TtyClient.chunk(4, 'x'), { code: -32600, data: { reason: 'unknown_type' } }, 1002],
    ['that only a server sends', TtyClient.chunk(1, 'x'), { code: -32600, data: { reason: 'wrong_direction' } }, 1002],
    ['that is too long', TtyClient.chunk(0, '', 16 * 1024 * 1024 + 1), { code: -32007, data: { reason: 'too_long' } }, 1009],
    ['of control that is too long', TtyClient.chunk(3, '', 64 * 1024 + 1), { code: -32007, data: { reason: 'too_long' } }, 1009],
    ['of control that is no JSON', TtyClient.chunk(3, 'eof'), { code: -32700, data: { reason: 'no_json' } }, 1002],
    ['of control that is no object', TtyClient.chunk(3, '["eof"]'), { code: -32700, data: { reason: 'no_type' } }, 1002],
    ['that is text', 'hello', { code: -32600, data: { reason: 'text' } }, 1002],
  ])('%s ends the session with its name, after what came before, and never the command', async (_, bad, error, code) => {
    const terminal = await open({ cmd: 'read a; echo "read $a"; exec sleep 600' });
    const { path, run } = await terminal.answer();
    if (typeof bad === 'string') {
      terminal.type('before\n');
      terminal.socket.send(bad);
    } else terminal.socket.send(Buffer.concat([TtyClient.chunk(0, 'before\n'), bad]));
    expect((await terminal.exit())['error']).toMatchObject(error);
    expect(terminal.closed?.code).toBe(code);
    // Its start may be under way.
    await expect.poll(async () => (await list()).find((one) => one.path === path)).toMatchObject({ state: 'running' });
    expect(run).toBe('tty');
  });

  it('a signal reaches the command while it reads no input', async () => {
    const terminal = await open({ cmd: 'trap "echo caught; exit 5" USR1; echo ready; while :; do sleep 0.05; done' });
    await terminal.see(/ready/);
    terminal.type('x'.repeat(1024 * 1024));
    terminal.control({ type: 'signal', signal: 'USR1' });
    expect(await terminal.exit()).toMatchObject({ type: 'exit', code: 5 });
  });

  it('a flood of them ends that session alone, and nobody waits for it', async () => {
    const session = await open({ cmd: 'sleep 600' });
    const other = await open({ cmd: 'cat', run: 'calm' });
    const one = TtyClient.chunk(3, '{"type":"signal","signal":"SIGCONT"}');
    session.socket.send(Buffer.concat(Array<Buffer>(100_000).fill(one)));
    expect(await session.exit()).toMatchObject({ type: 'error', error: { data: { name: 'overloaded' } } });
    expect(session.closed).toEqual({ code: 1008, reason: 'overloaded' });
    expect(session.controls.length).toBeLessThan(300);
    other.type('calm\n');
    other.control({ type: 'eof' });
    expect(await other.exit()).toMatchObject({ code: 0 });
  });

  it('a window that is dragged costs as many resizes as can be carried out, and ends with the last', async () => {
    const session = await open({ cmd: 'cat' });
    const drag = Array.from({ length: 5000 }, (_, i) => TtyClient.chunk(3, `{"type":"resize","cols":${1 + (i % 1000)},"rows":24}`));
    session.socket.send(Buffer.concat(drag));
    session.control({ type: 'eof' });
    expect(await session.exit()).toMatchObject({ code: 0 });
    expect(session.controls.length).toBeLessThan(10);
  });

  it('what cannot be done is told and ends nothing', async () => {
    const terminal = await open({ cmd: 'read a; exit 4' });
    terminal.control({ type: 'resize', cols: 100, rows: 30 });
    expect(await terminal.news('error')).toMatchObject({ of: 'resize', error: { code: -32006, data: { name: 'unsupported' } } });
    terminal.control({ type: 'signal', signal: 'NONSENSE' });
    await terminal.until(() => terminal.controls.length === 2);
    expect(terminal.controls[1]).toMatchObject({ of: 'signal', error: { data: { name: 'invalid_params' } } });
    terminal.type('\n');
    expect(await terminal.exit()).toMatchObject({ code: 4 });
  });

  it('a command ended by a signal says which', async () => {
    const terminal = await open({ cmd: 'kill -9 $$' });
    expect(await terminal.exit()).toMatchObject({ type: 'exit', signal: 'SIGKILL', status: 500 });
  });
});

describe('{#tty_input} back-pressure', () => {
  it('of a command that does not read yet stops the reading of the connection, and loses nothing', async () => {
    const terminal = await open({ cmd: 'while [ ! -e go ]; do sleep 0.02; done; sha256sum' });
    const bytes = Buffer.alloc(12 * 1024 * 1024, 'all of this arrives. ');
    for (let at = 0; at < bytes.length; at += 512 * 1024) terminal.type(bytes.subarray(at, at + 512 * 1024));
    terminal.control({ type: 'eof' });
    let same = 0;
    let last = -1;
    await vi.waitUntil(
      () => {
        same = terminal.socket.bufferedAmount === last ? same + 1 : 0;
        last = terminal.socket.bufferedAmount;
        return same >= 5;
      },
      { interval: 40, timeout: 20_000 },
    );
    expect(last).toBeGreaterThan(2 * 1024 * 1024);
    writeFileSync(join(headgate.root, 'go'), '');
    await terminal.exit();
    expect(terminal.bytes().toString()).toBe(`${sha(bytes)}  -\n`);
  });

  it('of a big input that is read arrives whole, then its end', async () => {
    const terminal = await open({ cmd: 'sha256sum' });
    const bytes = Buffer.alloc(12 * 1024 * 1024, 'all of this arrives. ');
    terminal.type(bytes.subarray(0, 5_000_000));
    terminal.type(bytes.subarray(5_000_000));
    terminal.control({ type: 'eof' });
    await terminal.exit();
    expect(terminal.bytes().toString()).toBe(`${sha(bytes)}  -\n`);
  });

  it('of a client that does not read costs no more than the mark, and it gets every byte and the exit', async () => {
    const terminal = await open({ cmd: 'seq 1 2000000; exit 9' });
    const { path } = await terminal.answer();
    terminal.socket.pause();
    await vi.waitUntil(async () => (await list()).find((one) => one.path === path)?.state === 'ended', { timeout: 25_000 });
    terminal.socket.resume();
    expect(await terminal.exit()).toMatchObject({ code: 9 });
    const expected = Buffer.from(Array.from({ length: 2_000_000 }, (_, i) => `${i + 1}\n`).join(''));
    expect(sha(terminal.bytes())).toBe(sha(expected));
  });
});
