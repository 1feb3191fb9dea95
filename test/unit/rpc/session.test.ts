import { mkdirSync, renameSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { HeadgateError } from '../../../src/core/errors.ts';
import { type RpcHarness, rpcHarness } from '../../support/rpc-harness.ts';

let h: RpcHarness;
beforeEach(async () => {
  h = await rpcHarness();
});
afterEach(() => h.close());

describe('{#session} a connection', () => {
  it('is greeted with version, protocol and server id before anything else', async () => {
    const client = h.connect();
    await client.call('ping');
    expect(client.messages[0]).toEqual({
      jsonrpc: '2.0',
      method: 'headgate/hello',
      params: { version: '1.2.3', protocol: 1, serverId: 'test' },
    });
  });

  it('answers ping and discover before init, and tells the rest to init', async () => {
    const client = h.connect();
    expect(await client.call('ping')).toMatchObject({ pong: true });
    expect(Object.keys((await client.call<{ methods: object }>('discover')).methods)).toContain('stream/cancel');
    const { error } = await client.ask('getRuns', {});
    expect(error).toMatchObject({ code: -32002, data: { name: 'not_initialized', status: 409 } });
    expect(error?.message).toContain('init');
  });

  it('is bound to one project: the same init again answers the same, another project is refused', async () => {
    const client = await h.join();
    expect(await client.call('init', { name: h.project.name, projectRoot: h.project.root })).toMatchObject({
      project: 'test',
      protocol: 1,
    });
    expect((await client.ask('init', { name: 'other', projectRoot: h.project.root })).error?.data['name']).toBe('conflict');
  });

  it('is told that no folder is where none can be: behind a loop of links, a name that is too long, a NUL', async () => {
    symlinkSync('loop', join(h.project.root, 'loop'));
    for (const name of ['loop', 'loop/x', 'é'.repeat(128), 'a/'.repeat(1900), 'a\0b', '\ud800']) {
      const { error } = await h.connect().ask('init', { name: 'app', projectRoot: join(h.project.root, name) });
      expect(error, name).toMatchObject({ code: -32602, data: { field: 'projectRoot' } });
    }
  });

  it('{#project_names} keeps folders of one name apart, knows them again, and follows one that was moved', async () => {
    const [one, two] = ['one', 'two'].map((place) => join(h.project.root, place, 'app')) as [string, string];
    for (const folder of [one, two]) mkdirSync(folder, { recursive: true });
    const open = async (projectRoot: string) => {
      const client = h.connect();
      return { client, project: (await client.call('init', { name: 'app', projectRoot }))['project'] };
    };
    const first = await open(one);
    expect(first.project).toBe('app');
    await first.client.call('policy/add', { decision: 'allow', rule: 'sh(make)' });
    const { run } = await first.client.call('startRun', { model: 'scripted' });
    const second = await open(two);
    expect(second.project).toBe('app-2');
    expect(await second.client.call('getRuns')).toEqual([]);
    expect([(await open(one)).project, (await open(two)).project]).toEqual(['app', 'app-2']);
    symlinkSync(one, join(h.project.root, 'link'));
    expect((await open(join(h.project.root, 'link'))).project).toBe('app');

    const moved = join(h.project.root, 'moved', 'app');
    mkdirSync(dirname(moved));
    renameSync(one, moved);
    const reader = h.connect('read');
    const other = join(h.project.root, 'other', 'app');
    mkdirSync(other, { recursive: true });
    // What was allowed in the folder is not for one that a reader names.
    expect(await reader.call('init', { name: 'app', projectRoot: other })).toMatchObject({ project: 'app-3' });
    expect(await reader.call('policy/list', {})).toMatchObject({ rules: [] });
    expect(await reader.call('getProjects')).toContainEqual({ name: 'app', projectRoot: join(h.project.root, 'link') });
    const third = await open(moved);
    expect(third.project).toBe('app');
    expect(await third.client.call('getRuns')).toMatchObject([{ run }]);
    expect(await third.client.call('getProjects')).toContainEqual({ name: 'app', projectRoot: moved });
  });

  it('refuses a project root that is relative or no folder, naming the field', async () => {
    const client = h.connect();
    for (const projectRoot of ['relative/path', '/no/such/folder']) {
      expect((await client.ask('init', { name: 'x', projectRoot })).error?.data).toMatchObject({
        name: 'invalid_params',
        field: 'projectRoot',
      });
    }
  });

  it('is refused methods beyond the scope of its token', async () => {
    const reader = await h.join('read');
    expect(await reader.call('getRuns')).toHaveLength(1);
    expect((await reader.ask('run/inject', { run: 'r1', message: 'hi' })).error).toMatchObject({
      code: -32003,
      data: { name: 'forbidden', scope: 'run' },
    });
    const runner = await h.join('run');
    expect((await runner.ask('run/delete', { run: 'r1' })).error?.data['name']).toBe('forbidden');
  });
});

describe('{#calls} a call', () => {
  it('with an unknown param is refused with the name of the param', async () => {
    const client = await h.join();
    const { error } = await client.ask('getRun', { run: 'r1', colour: 'red' });
    expect(error).toMatchObject({ code: -32602, data: { name: 'invalid_params', field: 'colour' } });
    expect(error?.message).toContain('colour');
  });

  it('with a wrong nested param names the whole way to it', async () => {
    const client = await h.join();
    const { error } = await client.ask('run/resolve', { run: 'r1', resolution: { path: 'log://turn_0/sh/x', action: 'maybe' } });
    expect(error?.data['field']).toBe('resolution.action');
    const lines = await client.ask('stream/read', { run: 'r1', path: 'log://turn_0/sh/x', channel: 1, lines: { first: 1 } });
    expect(lines.error?.data['field']).toBe('lines.count');
  });

  it('with several wrong params names all of them', async () => {
    const client = await h.join();
    const { error } = await client.ask('sh', { command: 7, tty: 'yes' });
    expect(error?.data['fields']).toEqual(expect.arrayContaining(['run', 'command', 'tty']));
  });

  it('takes absent params as none and refuses params by position', async () => {
    const client = h.connect();
    expect((await client.ask('ping')).result).toMatchObject({ pong: true });
    for (const params of [[], ['x'], 'x', 7, null, true]) {
      const { error } = await client.ask('ping', params);
      expect(error?.code, JSON.stringify(params)).toBe(-32602);
      expect(error?.message).toContain('object');
    }
  });

  it('of an unknown method points to discover, also for names that every object has', async () => {
    const client = h.connect();
    for (const method of ['nope', '__proto__', 'constructor', 'toString', '']) {
      const { error } = await client.ask(method, {});
      expect(error?.code, method).toBe(-32601);
      expect(error?.message).toContain('discover');
    }
  });

  it('takes a param called __proto__ for what it is: unknown', async () => {
    const client = h.connect();
    client.peer.send('{"jsonrpc":"2.0","id":1,"method":"ping","params":{"__proto__":{"polluted":true}}}');
    expect((await client.until((message) => message.id === 1)).error?.data['field']).toBe('__proto__');
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it('that fails inside the server shows a reference and no text of the failure', async () => {
    const client = await h.join();
    h.runtime.listRuns = () => {
      throw new Error('secret detail /etc/passwd');
    };
    const { error } = await client.ask('getRuns', {});
    expect(error).toMatchObject({ code: -32603, data: { name: 'internal', status: 500 } });
    expect(JSON.stringify(error)).not.toContain('secret');
    expect(JSON.stringify(error)).not.toContain('at ');
    const line = h.logged.find(({ message }) => message === 'a call failed');
    expect(line?.facts).toMatchObject({ method: 'getRuns', reference: error?.data['reference'] });
    expect(String(line?.facts['error'])).toContain('secret detail');
  });

  it('keeps the facts of a named error', async () => {
    const client = await h.join();
    h.runtime.listRuns = () => {
      throw new HeadgateError('overloaded', 'later', { retry_after_ms: 50 });
    };
    expect((await client.ask('getRuns', {})).error).toEqual({
      code: -32001,
      message: 'later',
      data: { name: 'overloaded', status: 503, retry_after_ms: 50 },
    });
  });

  it('whose answer is beyond the limit of a message gets too_large instead', async () => {
    const client = await h.join();
    h.runtime.listRuns = () => [{ ...row, model: 'x'.repeat(17 * 1024 * 1024) }];
    expect((await client.ask('getRuns', {})).error?.data['name']).toBe('too_large');
    expect((await client.ask('ping')).result).toBeDefined();
  });
});

describe('{#shapes} results', () => {
  it('outside the shape that the table gives them are a fault of the server, named in its log', async () => {
    const client = await h.join();
    h.runtime.listRuns = () => [{ ...row, extra: true } as typeof row];
    expect((await client.ask('getRuns', {})).error?.data['name']).toBe('internal');
    expect(String(h.logged[0]?.facts['error'])).toContain('outside its schema');
    h.runtime.listRuns = () => [row];
    expect(await client.call('getRuns', {})).toEqual([row]);
  });
});

const row = { run: 'r1', title: null, status: 100, outcome: null, model: 'm', turn: 0, createdAt: 1, updatedAt: 1 };

describe('{#envelope} messages', () => {
  it('that are no JSON get parse_error with id null, and the connection goes on', async () => {
    const client = h.connect();
    await client.call('ping');
    for (const text of ['{', 'nonsense', '{"jsonrpc":"2.0",}', '[1,', '"\u0000']) {
      const before = client.messages.length;
      client.peer.send(text);
      await client.until((message) => client.messages.indexOf(message) >= before);
      expect(client.messages.at(-1), text).toMatchObject({ id: null, error: { code: -32700, data: { name: 'parse_error' } } });
    }
    client.peer.send(Buffer.from([0x22, 0xff, 0x22]));
    expect(await client.call('ping')).toMatchObject({ pong: true });
    expect(client.messages.at(-2)).toMatchObject({ error: { code: -32700 } });
  });

  it('that are JSON but no request get invalid_request', async () => {
    const client = h.connect();
    await client.call('ping');
    for (const text of [
      '1',
      'null',
      '"x"',
      '{}',
      '{"jsonrpc":"1.0","id":1,"method":"ping"}',
      '{"jsonrpc":"2.0","id":{},"method":"ping"}',
      '{"jsonrpc":"2.0","id":1,"method":7}',
    ]) {
      const before = client.messages.length;
      client.peer.send(text);
      await client.until((message) => client.messages.indexOf(message) >= before);
      expect(client.messages.at(-1)?.error?.code, text).toBe(-32600);
    }
  });

  it('nested without end are refused before they are parsed', async () => {
    const client = h.connect();
    client.peer.send('['.repeat(1_000_000));
    client.peer.send(`{"jsonrpc":"2.0","id":1,"method":"ping","params":${'{"a":'.repeat(100)}1${'}'.repeat(100)}}`);
    expect(await client.call('ping')).toMatchObject({ pong: true });
    const errors = client.messages.filter(({ error }) => error).map(({ error }) => error?.message);
    expect(errors).toHaveLength(2);
    expect(errors.every((message) => message?.includes('nested'))).toBe(true);
  });

  it('with brackets inside strings are not nested', async () => {
    const client = h.connect();
    expect((await client.ask('ping', { ['["\\"'.repeat(500)]: 1 })).error?.data['name']).toBe('invalid_params');
  });

  it('in binary, and beyond the limit, are refused without ending the connection', async () => {
    const client = h.connect();
    client.peer.sendRaw({ kind: 'binary', bytes: Buffer.from([1]) });
    client.peer.sendRaw({ kind: 'too_large', limit: 16 });
    expect(await client.call('ping')).toMatchObject({ pong: true });
    expect(client.messages.filter(({ error }) => error).map(({ error }) => error?.data['name'])).toEqual(['invalid_request', 'too_large']);
  });

  it('without id are carried out and not answered', async () => {
    const client = await h.join();
    client.peer.send({ jsonrpc: '2.0', method: 'run/inject', params: { run: 'nope', message: 'hi' } });
    client.peer.send({ jsonrpc: '2.0', method: 'startRun', params: { model: 'scripted', alias: 'quiet' } });
    expect(await client.call('getRun', { run: 'quiet' })).toMatchObject({ run: 'quiet' });
    expect(client.messages.filter((message) => 'error' in message)).toEqual([]);
  });

  it('that answer something are ignored', async () => {
    const client = h.connect();
    client.peer.send({ jsonrpc: '2.0', id: 9, result: {} });
    client.peer.send({ jsonrpc: '2.0', id: 9, error: { code: 1, message: 'x' } });
    await client.call('ping');
    expect(client.messages).toHaveLength(2);
  });
});

describe('{#batch} a batch', () => {
  it('is answered as one array, notifications left out, an array also for a single request', async () => {
    const client = h.connect();
    client.peer.send([
      { jsonrpc: '2.0', id: 1, method: 'ping' },
      { jsonrpc: '2.0', method: 'ping' },
      { jsonrpc: '2.0', id: 2, method: 'nope' },
      5,
    ]);
    await client.until((message) => message.id === 2);
    const answer = client.raw.at(-1) as { id: unknown }[];
    expect(answer.map(({ id }) => id)).toEqual([1, 2, null]);
    client.peer.send([{ jsonrpc: '2.0', id: 3, method: 'ping' }]);
    await client.until((message) => message.id === 3);
    expect(client.raw.at(-1)).toHaveLength(1);
  });

  it('of notifications alone is not answered', async () => {
    const client = h.connect();
    client.peer.send([{ jsonrpc: '2.0', method: 'ping' }]);
    await client.call('ping');
    expect(client.raw).toHaveLength(2);
  });

  it('that is empty or has over 100 requests is refused as a whole', async () => {
    const client = h.connect();
    client.peer.send([]);
    client.peer.send(Array.from({ length: 101 }, (_, id) => ({ jsonrpc: '2.0', id, method: 'ping' })));
    await client.call('ping');
    expect(client.messages.filter(({ error }) => error).map(({ error }) => error?.code)).toEqual([-32600, -32600]);
  });

  it('is carried out in order: what init binds, the next request uses', async () => {
    const client = h.connect();
    client.peer.send([
      { jsonrpc: '2.0', id: 1, method: 'init', params: { name: h.project.name, projectRoot: h.project.root } },
      { jsonrpc: '2.0', id: 2, method: 'getRuns', params: {} },
    ]);
    expect((await client.until((message) => message.id === 2)).result).toHaveLength(1);
  });
});

describe('{#cancel_request} $/cancelRequest', () => {
  it('ends a waiting call with -32800 and leaves the others alone', async () => {
    const client = await h.join();
    await client.call('startRun', { model: 'scripted', alias: 'w' });
    h.runtime.prompt = (caller) => new Promise((_, reject) => caller.signal.addEventListener('abort', () => reject(new Error('gone'))));
    client.peer.send({ jsonrpc: '2.0', id: 'wait-1', method: 'act', params: { run: 'w', prompt: 'x', wait: true } });
    client.peer.send({ jsonrpc: '2.0', id: 'wait-2', method: 'act', params: { run: 'w', prompt: 'x', wait: true } });
    client.peer.send({ jsonrpc: '2.0', method: '$/cancelRequest', params: { id: 'wait-1' } });
    const { error } = await client.until((message) => message.id === 'wait-1');
    expect(error).toMatchObject({ code: -32800, data: { name: 'cancelled', status: 499 } });
    await client.call('ping');
    expect(client.messages.some(({ id }) => id === 'wait-2')).toBe(false);
  });

  it('ends a call whose work does not heed it', async () => {
    const client = await h.join();
    h.runtime.prompt = () => new Promise(() => {});
    client.peer.send({ jsonrpc: '2.0', id: 1, method: 'act', params: { prompt: 'x', wait: true } });
    client.peer.send({ jsonrpc: '2.0', method: '$/cancelRequest', params: { id: 1 } });
    expect((await client.until((message) => message.id === 1)).error?.code).toBe(-32800);
  });

  it('for an id that is not under way, or is none, does nothing', async () => {
    const client = h.connect();
    for (const params of [{ id: 77 }, { id: null }, {}, [1], 'x', undefined])
      client.peer.send({ jsonrpc: '2.0', method: '$/cancelRequest', params });
    await client.call('ping');
    expect(client.messages).toHaveLength(2);
  });
});

describe('{#overload} requests under way', () => {
  it('over 256 are refused as overloaded with when to try again, and the ids of those under way are not taken twice', async () => {
    const client = await h.join();
    const release: (() => void)[] = [];
    h.runtime.prompt = () => new Promise((resolve) => release.push(() => resolve({ run: 'r1', loop: 1, status: 102 })));
    for (let id = 0; id < 257; id++) client.peer.send({ jsonrpc: '2.0', id, method: 'act', params: { prompt: 'x', wait: true } });
    const refused = await client.until((message) => message.id === 256);
    expect(refused.error).toMatchObject({ code: -32001, data: { name: 'overloaded', retry_after_ms: expect.any(Number) } });
    release.shift()?.();
    await client.until((message) => message.id === 0);
    expect((await client.ask('ping')).result).toBeDefined();
    client.peer.send({ jsonrpc: '2.0', id: 5, method: 'ping' });
    expect((await client.until((message) => message.id === 5)).error?.code).toBe(-32600);
    for (const one of release) one();
    await client.until((message) => message.id === 255);
  });

  it('are aborted when the connection ends', async () => {
    const client = await h.join();
    // What has not begun when the connection ends is not begun any more.
    const begun = new Promise<AbortSignal>((resolve) => {
      h.runtime.prompt = (caller) => new Promise(() => resolve(caller.signal));
    });
    client.peer.send({ jsonrpc: '2.0', id: 1, method: 'act', params: { prompt: 'x', wait: true } });
    const signal = await begun;
    client.peer.close();
    await vi.waitUntil(() => signal.aborted);
    expect(h.server.connections).toBe(0);
  });
});

describe('{#rpc_log} the audit log', () => {
  it('has every call with method, client, run, code, and nothing of its content', async () => {
    const recorded: unknown[] = [];
    const record = h.store.audit.record.bind(h.store.audit);
    h.store.audit.record = (call) => {
      recorded.push(call);
      record(call);
    };
    const client = await h.join('admin', 'editor');
    await client.call('run/inject', { run: 'r1', message: 'a secret message' }).catch(() => {});
    await client.ask('getRun', { run: 'nope' });
    await h.server.close();
    expect(recorded).toEqual([
      { method: 'init', client: 'editor', run: null, code: 0, durationMs: expect.any(Number) },
      { method: 'run/inject', client: 'editor', run: 'r1', code: expect.any(Number), durationMs: expect.any(Number) },
      { method: 'getRun', client: 'editor', run: 'nope', code: -32004, durationMs: expect.any(Number) },
    ]);
    expect(JSON.stringify(recorded)).not.toContain('secret');
  });
});
