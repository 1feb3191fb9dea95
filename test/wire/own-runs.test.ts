import { once } from 'node:events';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { paramsOf } from '../../src/rpc/protocol/json-schema.ts';
import type { MethodDef } from '../../src/rpc/protocol/method.ts';
import { methods } from '../../src/rpc/protocol/table.ts';
import { type Params, WireClient, WireError } from '../support/built-server.ts';
import { fetchText } from '../support/event-source.ts';
import { startHeadgate } from '../support/server.ts';
import { sound } from '../support/sound-params.ts';
import { TtyClient } from '../support/tty-client.ts';

const OTHERS = 'others-run';
/** In everything that the other run holds. */
const MARK = 'nobody-elses-business';

let headgate: Awaited<ReturnType<typeof startHeadgate>>;
let owner: WireClient;
let token: string;
let ci: WireClient;
/** A command of the other run that has ended, and a proposal that waits. */
let ended: string;
let waiting: string;
const connections: WireClient[] = [];
beforeEach(async () => {
  headgate = await startHeadgate();
  owner = await headgate.connect();
  token = await made('ci');
  ci = await connect(token);
  await owner.call('startRun', { model: 'scripted', alias: OTHERS });
  await owner.call('set', { run: OTHERS, path: 'known://plan', body: MARK });
  ended = await printed(owner, OTHERS);
  waiting = (await owner.call<{ path: string }>('sh', { run: OTHERS, command: `echo ${MARK}` })).path;
});
afterEach(async () => {
  await Promise.all([owner, ...connections.splice(0)].map((one) => one.close()));
  await headgate.close();
});

async function made(name: string, more: Params = {}): Promise<string> {
  return (await owner.call<{ token: string }>('token/add', { name, scope: 'run', ownRuns: true, ...more })).token;
}

async function connect(of: string, root: string | undefined = headgate.root): Promise<WireClient> {
  const wire = await WireClient.connect({ ...headgate.server, token: of }, root);
  connections.push(wire);
  return wire;
}

/** Has a run print the mark, and returns the path once that is over. */
async function printed(as: WireClient, run: string): Promise<string> {
  const { path } = await as.call<{ path: string }>('sh', { run, command: `echo ${MARK}` });
  await as.call('run/resolve', { run, resolution: { path, action: 'accept' } });
  await as.notice('stream/ended', (params) => params['run'] === run && params['path'] === path);
  return path;
}

const start = async (as: WireClient, more: Params = {}) => (await as.call<{ run: string }>('startRun', { model: 'scripted', ...more })).run;
const runsOf = async (as: WireClient) => (await as.call<{ run: string }[]>('getRuns')).map(({ run }) => run);
const named = (name: string) => ({ data: { name } });

/** What a call answers, result or error, as text. */
async function told(as: WireClient, method: string, params: Params): Promise<string> {
  const answer = await as.call<unknown>(method, params).catch((error: unknown) => {
    if (!(error instanceof WireError)) throw error;
    return { code: error.code, message: error.message, data: error.data };
  });
  return JSON.stringify(answer);
}

const table = Object.entries(methods as Record<string, MethodDef>);
const takesRun = ([, def]: (typeof table)[number]) => paramsOf(def.params).some(({ name }) => name === 'run');
/** What a token of scope `run` may call at all. */
const callable = table.filter(([, { scope }]) => ['none', 'read', 'run'].includes(scope));
const withRun = callable.filter(takesRun);
const withoutRun = callable.filter(([name]) => name !== 'init');

/** Params about a run: those that have to be there and, in place of what does not exist, what the other run has. */
function about(name: string, def: MethodDef, run: string): Params {
  const taken = new Set(paramsOf(def.params).map((param) => param.name));
  const path = name === 'run/resolve' ? {} : { path: taken.has('path') && !taken.has('to') ? ended : 'known://plan' };
  const prompt = taken.has('prompt') ? { model: 'scripted' } : {};
  const resolution = taken.has('resolution') ? { resolution: { path: waiting, action: 'reject' } } : {};
  const alias = name === 'run/rename' || name === 'run/fork' ? { name: 'free' } : {};
  return { ...sound(def), ...(taken.has('path') ? path : {}), ...prompt, ...resolution, ...alias, run };
}

describe('{#own_runs} a token that is bound to its own runs', () => {
  it.each(withRun)('is told by %s of a run of others what it is told of one that is not there', async (name, def) => {
    const unknown = await told(ci, name, about(name, def, 'unknown-run'));
    const others = await told(ci, name, about(name, def, OTHERS));
    expect(others.replaceAll(OTHERS, 'unknown-run')).toBe(unknown);
    expect(others).toMatch(def.wide ? /"forbidden"/ : /no run .*"not_found"/);
    // The same call about a run that it knows of gets further than that.
    const mine = await start(ci, { alias: 'mine' });
    if (!def.wide) expect(await told(ci, name, about(name, def, mine))).not.toMatch(/no run |"internal"/);
    expect(await owner.call('getRun', { run: OTHERS })).toMatchObject({ status: 100, proposals: [waiting] });
  });

  it('is told of no run of others by any method that names none', async () => {
    const shown = new Map<string, string>();
    for (const [name, def] of withoutRun) {
      const params = { ...sound(def), ...(name === 'policy/check' ? { command: 'ls' } : {}) };
      shown.set(name, await told(owner, name, params));
      const answer = await told(ci, name, params);
      expect(answer, name).not.toContain(OTHERS);
      expect(answer, name).not.toContain(MARK);
    }
    // What the owner is told at the same places shows that there was something to leave out.
    const telling = [...shown].filter(([, answer]) => answer.includes(OTHERS)).map(([name]) => name);
    expect(telling).toEqual(expect.arrayContaining(['getRuns', 'getProposals', 'getEntries', 'stream/list']));
  });

  it('gets no event of others, live, replayed or said by a model', async () => {
    const every = await connect(token);
    const { subscription } = await every.call<{ subscription: number }>('subscribe', { since: 0 });
    await every.notice('replay/synced', (params) => params['subscription'] === subscription);
    await owner.call('act', { run: OTHERS, model: 'scripted', prompt: MARK, wait: true });
    await owner.call('policy/add', { decision: 'deny', rule: `sh(${MARK})` });
    await owner.call('run/abort', { run: OTHERS }).catch(() => undefined);
    // Events come in order: with its own, those before have come.
    const run = await start(ci);
    await ci.call('act', { run, model: 'scripted', prompt: 'hello', wait: true });
    for (const wire of [ci, every]) {
      await wire.notice('run/state', (params) => params['run'] === run && params['status'] === 200);
      expect(wire.notices.some(({ method }) => method === 'run/progress')).toBe(true);
      const text = JSON.stringify(wire.notices);
      expect(text).not.toContain(OTHERS);
      expect(text).not.toContain(MARK);
    }
    const heard = owner.notices.filter(({ params }) => params['run'] === OTHERS).map(({ method }) => method);
    expect(heard).toEqual(expect.arrayContaining(['run/state', 'entry/changed', 'run/progress']));
  });

  it('finds no run of others by event stream, export or terminal, in any project', async () => {
    const { http } = headgate.server;
    const headers = { authorization: `Bearer ${token}` };
    const other = join(headgate.root, 'other');
    await mkdir(other);
    const elsewhere = await WireClient.connect(headgate.server);
    connections.push(elsewhere);
    await elsewhere.call('init', { name: 'other', projectRoot: other });
    await start(elsewhere, { alias: OTHERS });
    for (const path of ['events', `channels/${encodeURIComponent(ended)}`]) {
      const missing = await fetchText(`${http}/runs/unknown-run/${path}`, { headers });
      const others = await fetchText(`${http}/runs/${OTHERS}/${path}`, { headers });
      expect(others.status).toBe(404);
      expect(others.body.replaceAll(OTHERS, 'unknown-run')).toBe(missing.body);
    }
    const attach = async (run: string) => {
      const tty = await TtyClient.connect({ ...headgate.server, token }, { attach: ended, run, projectRoot: headgate.root });
      return JSON.stringify(await tty.answer());
    };
    expect((await attach(OTHERS)).replaceAll(OTHERS, 'unknown-run')).toBe(await attach('unknown-run'));
  });

  it('drives its runs beside those of others, and shows them to whoever may see all', async () => {
    const run = await start(ci, { alias: 'mine' });
    const path = await printed(ci, run);
    expect(await ci.call('stream/read', { run, path, channel: 1, from: 0 })).toMatchObject({ chunk: `${MARK}\n` });
    const { path: asked } = await ci.call<{ path: string }>('sh', { run, command: 'true' });
    expect(await ci.call<Params[]>('getProposals')).toMatchObject([{ run, path: asked }]);
    expect(await ci.call<Params[]>('stream/list')).toMatchObject([{ run, path }]);
    await ci.call('run/resolve', { run, resolution: { path: asked, action: 'reject' } });
    await ci.call('run/rename', { run, name: 'renamed' });
    await ci.call('run/fork', { run: 'renamed', name: 'copy' });
    const { run: asking } = await ci.call<{ run: string }>('ask', { model: 'scripted', prompt: 'hello', wait: true });
    const tty = await TtyClient.open({ ...headgate.server, token }, { cmd: 'true', run: 'terminal', projectRoot: headgate.root });
    await tty.exit();
    expect(await runsOf(ci)).toEqual(['terminal', asking, 'copy', 'renamed']);
    expect(await runsOf(await connect(token))).toEqual(['terminal', asking, 'copy', 'renamed']);
    expect(await runsOf(owner)).toEqual(['terminal', asking, 'copy', 'renamed', OTHERS]);
    expect(await owner.call<Params[]>('stream/list', { run: 'renamed' })).toMatchObject([{ path }]);
  });

  it('hears that a run of its own is deleted, and has no copy that somebody else makes', async () => {
    const run = await start(ci, { alias: 'mine' });
    await owner.call('run/fork', { run, name: 'owners-copy' });
    await owner.call('run/delete', { run });
    expect(await ci.notice('run/state', (params) => params['deleted'] === true)).toMatchObject({ run });
    expect(await runsOf(ci)).toEqual([]);
    const again = await connect(token);
    const { subscription } = await again.call<{ subscription: number }>('subscribe', { since: 0 });
    await again.notice('replay/synced', (params) => params['subscription'] === subscription);
    expect(again.notices.filter(({ method }) => method === 'run/state').map(({ params }) => params)).toMatchObject([
      { run, deleted: true },
    ]);
  });

  it('is another one when its name is used again, and its runs stay', async () => {
    const run = await start(ci, { alias: 'mine' });
    const closed = once(ci.socket, 'close');
    await owner.call('token/revoke', { name: 'ci' });
    await closed;
    const again = await connect(await made('ci'));
    expect(await runsOf(again)).toEqual([]);
    await expect(again.call('getRun', { run })).rejects.toMatchObject(named('not_found'));
    expect(await runsOf(owner)).toEqual([run, OTHERS]);
    expect(await runsOf(await connect(await made('all', { ownRuns: false })))).toEqual([run, OTHERS]);
  });

  it('is told that an alias is taken, also by a run that it does not see', async () => {
    const taken = { ...named('alias_taken'), message: expect.stringContaining(`"${OTHERS}"`) };
    await expect(start(ci, { alias: OTHERS })).rejects.toMatchObject(taken);
    const run = await start(ci);
    await expect(ci.call('run/rename', { run, name: OTHERS })).rejects.toMatchObject(taken);
    await expect(ci.call('run/fork', { run, name: OTHERS })).rejects.toMatchObject(taken);
  });

  it('neither sees nor changes what holds for the whole project', async () => {
    const run = await start(ci);
    const { path } = await ci.call<{ path: string }>('sh', { run, command: 'true' });
    const beyond: [string, Params, RegExp][] = [
      ['policy/list', {}, /whole project.*bound to the runs/],
      ['store', { path: 'src/**', ignore: true }, /whole project.*bound to the runs/],
      ['run/resolve', { run, resolution: { path, action: 'accept', remember: true } }, /whole project.*leave remember out/],
      ['policy/add', { decision: 'allow', rule: 'sh(true)' }, /scope "admin"/],
      ['addModel', { alias: 'x', actual: 'x', provider: 'scripted' }, /scope "admin"/],
    ];
    for (const [method, params, message] of beyond) {
      await expect(ci.call(method, params), method).rejects.toMatchObject({
        ...named('forbidden'),
        message: expect.stringMatching(message),
      });
    }
    expect(await ci.call('getProposals')).toMatchObject([{ run, path }]);
    expect(await ci.call('policy/check', { tool: 'sh', command: 'true' })).toHaveProperty('decision');
    expect(await ci.call<Params[]>('getModels')).toMatchObject([{ alias: 'scripted' }]);
  });

  it('moves no project to another folder', async () => {
    const [gone, other] = [join(headgate.root, 'gone'), join(headgate.root, 'other')];
    for (const folder of [gone, other]) await mkdir(folder);
    const first = await WireClient.connect(headgate.server);
    connections.push(first);
    await first.call('init', { name: 'moving', projectRoot: gone });
    await rm(gone, { recursive: true });
    const place = { name: 'moving', projectRoot: other };
    const bound = await WireClient.connect({ ...headgate.server, token });
    connections.push(bound);
    expect(await bound.call('init', place)).toMatchObject({ project: 'moving-2' });
  });

  it('is of scope run, and token/list says what it is bound to', async () => {
    for (const scope of ['read', 'runner', 'admin']) {
      await expect(made('x', { scope })).rejects.toMatchObject({ data: { name: 'invalid_params', field: 'ownRuns' } });
    }
    await made('both', { projects: ['test'], expires: '24h' });
    expect(await owner.call('token/list')).toMatchObject([
      { name: 'both', projects: ['test'], ownRuns: true, expiresAt: expect.any(Number) },
      { name: 'ci', projects: null, ownRuns: true, expiresAt: null },
    ]);
  });
});
