import { once } from 'node:events';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Params, WireClient } from '../support/built-server.ts';
import { HandRunner } from '../support/hand-runner.ts';
import { openSocket, refusal, startHeadgate } from '../support/server.ts';
import { TtyClient } from '../support/tty-client.ts';

let headgate: Awaited<ReturnType<typeof startHeadgate>>;
let client: WireClient;
const connections: WireClient[] = [];
beforeEach(async () => {
  headgate = await startHeadgate();
  client = await headgate.connect();
});
afterEach(async () => {
  await Promise.all([client, ...connections.splice(0)].map((one) => one.close()));
  await headgate.close();
});

async function connect(token: string, root?: string): Promise<WireClient> {
  const wire = await WireClient.connect({ ...headgate.server, token }, root);
  connections.push(wire);
  return wire;
}

const made = async (name: string, scope: string) => (await client.call<{ token: string }>('token/add', { name, scope })).token;

async function hand(token: string, more: Params): Promise<HandRunner> {
  const runner = new HandRunner(await connect(token));
  await runner.register({ instance: `folder-of-${String(more['name'])}`, labels: [], ...more });
  return runner;
}

async function accepted(runner: string, more: Params = {}, as = client): Promise<{ run: string; path: string }> {
  const { run } = await as.call<{ run: string }>('startRun', { model: 'scripted', ...more });
  const { path } = await as.call<{ path: string }>('sh', { run, command: 'anything', runner });
  await as.call('run/resolve', { run, resolution: { path, action: 'accept' } });
  return { run, path };
}

/** Closes the connection of a runner, and waits until the server has noticed. */
async function leave(runner: HandRunner, name: string): Promise<void> {
  await runner.wire.close();
  const state = async () => (await client.call<Params[]>('runner/list')).find((row) => row['name'] === name)?.['state'];
  await expect.poll(state).toBe('away');
}

const waitsFor = async ({ run }: { run: string }) => (await client.call<Params[]>('stream/list', { run }))[0]?.['waitsFor'];
const named = (name: string) => ({ data: { name } });

describe('{#tokens} tokens for others', () => {
  it('are shown once, listed without themselves, and kept as hashes', async () => {
    const { token, ...rest } = await client.call<{ token: string }>('token/add', { name: 'ann', scope: 'read' });
    expect(rest).toEqual({ name: 'ann', scope: 'read', projects: null, ownRuns: false, expiresAt: null });
    expect(token).toMatch(/^hgt_[\w-]{43}$/);
    expect(await client.call('token/list')).toEqual([{ ...rest, createdAt: expect.any(Number), lastUsedAt: null }]);
    await expect(client.call('token/add', { name: 'ann', scope: 'run' })).rejects.toMatchObject(named('alias_taken'));
    for (const name of ['admin', 'local']) await expect(made(name, 'read')).rejects.toMatchObject(named('invalid_params'));
    const ann = await connect(token, headgate.root);
    expect(await ann.call('getRuns')).toEqual([]);
    const [{ createdAt, lastUsedAt }] = await client.call<[{ createdAt: number; lastUsedAt: number }]>('token/list');
    expect(lastUsedAt).toBeGreaterThanOrEqual(createdAt);
    expect(lastUsedAt).toBeLessThanOrEqual(Date.now());
    for (const [method, params] of Object.entries({
      startRun: { model: 'scripted' },
      'token/list': {},
      'token/add': { name: 'eve', scope: 'admin' },
    })) {
      await expect(ann.call(method, params), method).rejects.toMatchObject(named('forbidden'));
    }
  });

  it('{#session} are told to the client that came with one: init returns its scope', async () => {
    const init = async (wire: WireClient) => await wire.call<Params>('init', { name: 'scoped', projectRoot: headgate.root });
    expect(await init(await connect(await made('looks', 'read')))).toMatchObject({ scope: 'read' });
    expect(await init(await connect(await made('drives', 'run')))).toMatchObject({ scope: 'run' });
    expect(await init(await connect(headgate.server.token))).toMatchObject({ scope: 'admin' });
  });

  it('when revoked end every connection that came with them, and open none again', async () => {
    const token = await made('ann', 'run');
    const [one, two, other] = [await connect(token), await connect(token), await connect(await made('bob', 'run'))];
    const closed = Promise.all([one, two].map(({ socket }) => once(socket, 'close')));
    expect(await client.call('token/revoke', { name: 'ann' })).toEqual({ name: 'ann', connections: 2 });
    await closed;
    expect(await other.call('ping')).toMatchObject({ pong: true });
    expect((await refusal(openSocket(headgate.server.url, { authorization: `Bearer ${token}` }))).status).toBe(401);
    await expect(client.call('token/revoke', { name: 'ann' })).rejects.toMatchObject(named('not_found'));
  });

  it('of an admin may revoke themselves, and hear the answer', async () => {
    const second = await connect(await made('second', 'admin'));
    const closed = once(second.socket, 'close');
    expect(await second.call('token/revoke', { name: 'second' })).toMatchObject({ name: 'second' });
    await closed;
  });

  it('of scope runner may serve and neither look nor run', async () => {
    const token = await made('build', 'runner');
    const runner = await hand(token, { name: 'b-1' });
    const where = await accepted('b-1');
    await runner.started(await runner.asked('runner/start'));
    expect(await runner.wire.call('ping')).toMatchObject({ pong: true });
    for (const [method, params] of Object.entries({
      init: { name: 'x', projectRoot: headgate.root },
      'runner/list': {},
      'token/list': {},
    })) {
      await expect(runner.wire.call(method, params), method).rejects.toMatchObject(named('forbidden'));
    }
    const stream = await fetch(`${headgate.server.http}/runs/${where.run}/events`, { headers: { authorization: `Bearer ${token}` } });
    expect(stream.status).toBe(403);
    const looking = await connect(await made('run', 'run'), headgate.root);
    const offer = { name: 'x', labels: [], backends: ['process'], capacity: 1, instance: 'folder-x' };
    await expect(looking.call('runner/register', offer)).rejects.toMatchObject(named('forbidden'));
  });
});

describe('{#token_bounds} what a token is bound to', () => {
  const bound = async (name: string, bounds: Params) =>
    (await client.call<{ token: string }>('token/add', { name, scope: 'run', ...bounds })).token;
  const post = async (token: string, root: string) => {
    const headers = { authorization: `Bearer ${token}`, 'headgate-project': root };
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'getRuns', params: {} });
    return await fetch(`${headgate.server.http}/rpc`, { method: 'POST', headers, body });
  };

  it('is projects: it opens those in their folders, and sees, opens, makes and moves no other', async () => {
    const other = join(headgate.root, 'other');
    const gone = join(headgate.root, 'gone');
    for (const folder of [other, gone]) await mkdir(folder);
    const owner = await WireClient.connect(headgate.server);
    await owner.call('init', { name: 'other', projectRoot: other });
    const { run } = await owner.call<{ run: string }>('startRun', { model: 'scripted', alias: 'private' });
    await (await post(headgate.server.token, gone)).text();
    await rm(gone, { recursive: true });

    const token = await bound('ci', { projects: ['test', 'gone'] });
    expect(await client.call('token/list')).toMatchObject([{ name: 'ci', projects: ['test', 'gone'], expiresAt: null }]);
    const ci = await connect(token);
    expect(await ci.call('getProjects')).toEqual([
      { name: 'test', projectRoot: headgate.root },
      { name: 'gone', projectRoot: gone },
    ]);
    const beyond = [
      ['other', other],
      ['test', other],
      ['new', '/'],
      ['gone', other],
    ];
    for (const [name, projectRoot] of beyond) {
      await expect(ci.call('init', { name, projectRoot }), name).rejects.toMatchObject({
        message: expect.stringContaining(`test in ${headgate.root}`),
        data: { name: 'forbidden' },
      });
    }
    expect(await ci.call('init', { name: 'test', projectRoot: headgate.root })).toMatchObject({ project: 'test' });
    expect(await ci.call('startRun', { model: 'scripted' })).toMatchObject({ status: 100 });
    expect((await post(token, other)).status).toBe(403);
    const stream = async (of: string) => {
      const response = await fetch(`${headgate.server.http}/runs/${run}/events`, { headers: { authorization: `Bearer ${of}` } });
      await response.body?.cancel();
      return response.status;
    };
    expect([await stream(token), await stream(headgate.server.token)]).toEqual([404, 200]);
    for (const first of [
      { attach: 'log://x', run },
      { cmd: 'true', projectRoot: other },
      { cmd: 'true', project: 'other' },
    ]) {
      const tty = await TtyClient.connect({ ...headgate.server, token }, first);
      expect(await tty.answer(), JSON.stringify(first)).toMatchObject({
        ok: false,
        error: { data: { name: expect.stringMatching(/forbidden|not_found/) } },
      });
    }
    expect(await client.call<Params[]>('getProjects')).toHaveLength(3);
    await owner.close();
  });

  it('is a time, at which its connections end and after which it is refused', async () => {
    const token = await bound('guest', { expires: '1s' });
    const guest = await connect(token, headgate.root);
    const other = await connect(await bound('longer', { expires: '365d' }), headgate.root);
    await once(guest.socket, 'close');
    const { status, body } = await refusal(openSocket(headgate.server.url, { authorization: `Bearer ${token}` }));
    expect(status).toBe(401);
    expect(body.error.message).toMatch(/"guest" expired at \d{4}-/);
    expect(await other.call('ping')).toMatchObject({ pong: true });
  });

  it('is refused where it binds nothing', async () => {
    await expect(bound('a', { projects: ['nowhere'] })).rejects.toMatchObject(named('not_found'));
    await expect(bound('a', { projects: ['test'], scope: 'runner' })).rejects.toMatchObject(named('invalid_params'));
    for (const expires of ['', '0s', 'forever', '366d', '1.5h']) {
      await expect(bound('a', { expires })).rejects.toMatchObject({ data: { name: 'invalid_params', field: 'expires' } });
    }
    expect(await client.call('token/list')).toEqual([]);
  });
});

describe('{#runner_owner} whose a runner is', () => {
  it('a name is not taken away by another token, unless it is the same state folder or an admin', async () => {
    const [ann, bob] = [await made('ann', 'runner'), await made('bob', 'runner')];
    const first = await hand(ann, { name: 'box' });
    await expect(hand(bob, { name: 'box', instance: 'folder-of-bob' })).rejects.toMatchObject({
      message: expect.stringMatching(/belongs to "ann".*--name/),
      data: { name: 'forbidden' },
    });
    expect(first.wire.notices.filter(({ method }) => method === 'runner/fenced')).toEqual([]);
    expect(await client.call('runner/list')).toMatchObject([{ name: 'box', owner: 'ann', state: 'ready' }]);
    await hand(bob, { name: 'box', instance: 'folder-of-box' });
    expect(await first.wire.notice('runner/fenced')).toMatchObject({ reason: 'replaced' });
    expect(await client.call('runner/list')).toMatchObject([{ owner: 'bob' }]);
    await hand(headgate.server.token, { name: 'box', instance: 'folder-of-admin' });
    expect(await client.call('runner/list')).toMatchObject([{ owner: 'admin' }]);
  });

  it('is drained by itself, by its owner and by an admin, and by nobody else', async () => {
    const [ann, bob] = [await made('ann', 'runner'), await made('bob', 'runner')];
    const first = await hand(ann, { name: 'a-1' });
    await hand(ann, { name: 'a-2' });
    const other = await hand(bob, { name: 'b-1' });
    await expect(other.wire.call('runner/drain', { runner: 'a-1' })).rejects.toMatchObject(named('forbidden'));
    const driver = await connect(await made('driver', 'run'));
    await expect(driver.call('runner/drain', { runner: 'a-1' })).rejects.toMatchObject(named('forbidden'));
    expect(await first.wire.call('runner/drain', { runner: 'a-2' })).toMatchObject({ runner: 'a-2' });
    expect(await first.wire.call('runner/drain')).toMatchObject({ runner: 'a-1' });
    expect(await client.call('runner/drain', { runner: 'b-1' })).toMatchObject({ runner: 'b-1' });
  });

  it('is forgotten once it is away and has nothing, by its owner or an admin; its name is free then', async () => {
    const [ann, bob] = [await made('ann', 'runner'), await made('bob', 'runner')];
    const first = await hand(ann, { name: 'box' });
    const other = await hand(bob, { name: 'b-1' });
    const where = await accepted('box');
    const given = await first.asked('runner/start');
    await first.started(given);
    await expect(client.call('runner/forget', { runner: 'box' })).rejects.toMatchObject(named('conflict'));
    await expect(other.wire.call('runner/forget', { runner: 'box' })).rejects.toMatchObject(named('forbidden'));
    await leave(first, 'box');
    await expect(client.call('runner/forget', { runner: 'box' })).rejects.toMatchObject({ data: { name: 'conflict', live: 1 } });
    const back = await hand(ann, { name: 'box' });
    await back.completed(await back.asked('runner/adopt'));
    await leave(back, 'box');
    expect(await (await hand(ann, { name: 'a-2' })).wire.call('runner/forget', { runner: 'box' })).toEqual({ runner: 'box' });
    expect((await client.call<Params[]>('runner/list')).map(({ name }) => name)).toEqual(['a-2', 'b-1']);
    expect(await client.call('stream/list', { run: where.run })).toMatchObject([{ state: 'ended', runner: 'box' }]);
    await hand(bob, { name: 'box', instance: 'folder-of-bob' });
    await expect(client.call('runner/forget', { runner: 'nobody' })).rejects.toMatchObject(named('not_found'));
  });

  it('has a limit on the names of one owner, so that no machine fills the list', async () => {
    const ann = await made('ann', 'runner');
    for (let n = 0; n < 100; n++) {
      const runner = await hand(ann, { name: `n-${n}` });
      await runner.wire.close();
    }
    await expect(hand(ann, { name: 'one-more' })).rejects.toMatchObject({ data: { name: 'conflict', limit: 100 } });
    await hand(ann, { name: 'n-7' });
    await hand(await made('bob', 'runner'), { name: 'one-more' });
  });

  it('takes the commands of the runs that it says; those of others wait, visibly', async () => {
    const runner = await hand(await made('ann', 'runner'), { name: 'box', labels: ['gpu'], for: ['ci-*'], version: '7.8' });
    expect(await client.call('runner/list')).toMatchObject([{ for: ['ci-*'], version: '7.8' }]);
    const shell = await accepted('gpu', { alias: 'shell' });
    const ci = await accepted('gpu', { alias: 'ci-7' });
    expect(await runner.asked('runner/start')).toMatchObject({ run: 'ci-7', path: ci.path });
    expect(runner.requests).toHaveLength(1);
    expect(await waitsFor(shell)).toBe('a runner named or labelled "gpu" ("box" takes only runs like "ci-*")');
  });
});

describe('{#runner_selector} a selector', () => {
  it('gives work to the runner that has all of it and none of what it excludes', async () => {
    const { token } = headgate.server;
    const eu = await hand(token, { name: 'b-1', labels: ['gpu', 'eu'] });
    const us = await hand(token, { name: 'b-2', labels: ['gpu', 'us'] });
    const places = [await accepted('gpu,eu'), await accepted('gpu,!eu'), await accepted('name:b-2'), await accepted('!b-2')];
    expect((await eu.asked('runner/start', 1)).path).toBe(places[3]!.path);
    expect((await us.asked('runner/start', 1)).path).toBe(places[2]!.path);
    expect((await eu.asked('runner/start')).path).toBe(places[0]!.path);
    expect((await us.asked('runner/start')).path).toBe(places[1]!.path);
    const waiting = await accepted('gpu,eu,us');
    expect(await waitsFor(waiting)).toBe('a runner named or labelled "gpu" and "eu" and "us" ("b-1" is not "us"; "b-2" is not "eu")');
  });

  it('that is wrong is refused with the grammar, in sh and in run/resolve', async () => {
    const { run } = await client.call<{ run: string }>('startRun', { model: 'scripted' });
    const grammar = { message: expect.stringContaining('gpu is a name or a label'), data: { name: 'invalid_params', field: 'runner' } };
    await expect(client.call('sh', { run, command: 'true', runner: 'gpu, eu' })).rejects.toMatchObject(grammar);
    const { path } = await client.call<{ path: string }>('sh', { run, command: 'true' });
    await expect(client.call('run/resolve', { run, resolution: { path, action: 'accept', runner: '!' } })).rejects.toMatchObject(grammar);
  });
});

describe('{#runner_register} a runner of another protocol', () => {
  it('is refused with both versions by name', async () => {
    const old = hand(headgate.server.token, { name: 'old', protocol: 99, version: '0.0.9' });
    await expect(old).rejects.toMatchObject({
      message: expect.stringMatching(/runner "old" \(Headgate 0\.0\.9\) speaks protocol 99, this server \(Headgate 1\.2\.3\) speaks 1/),
      data: { name: 'conflict', protocol: 1, version: '1.2.3' },
    });
  });
});
