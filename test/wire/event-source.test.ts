import { realpathSync, symlinkSync, unlinkSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { everyRun } from '../../src/model/sight.ts';
import { fetchText, TestEventSource } from '../support/event-source.ts';
import { startServer, TOKEN, type WireServer } from '../support/server.ts';
import { propose } from '../support/temp-store.ts';

const auth = { authorization: `Bearer ${TOKEN}` };

let server: WireServer;
let sources: TestEventSource[];
beforeEach(async () => {
  sources = [];
  server = await startServer();
});
afterEach(async () => {
  for (const source of sources) source.close();
  await server.close();
});

async function open(path: string, lastId?: string): Promise<TestEventSource> {
  const source = await TestEventSource.open(`${server.http}${path}`, {
    ...auth,
    ...(lastId === undefined ? {} : { 'last-event-id': lastId }),
  });
  sources.push(source);
  return source;
}

const get = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
  fetchText(`${server.http}${path}`, { method, headers: { ...auth, ...headers } });

async function refused(
  path: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; name: string; message: string; data: Record<string, unknown> }> {
  const { status, body, headers: sent } = await get(path, headers);
  expect(sent['content-type']).toBe('application/json');
  const { error } = JSON.parse(body) as { error: { message: string; data: { name: string; status: number } } };
  expect(error.data.status).toBe(status);
  return { status, name: error.data.name, message: error.message, data: error.data };
}

const channelUrl = (path: string, query = '') => `/runs/r1/channels/${encodeURIComponent(path)}${query}`;
const append = (path: string, bytes: Buffer | string, channel = 1) =>
  server.parts.streams.append({ runId: server.parts.run.id, path, channel, bytes: Buffer.from(bytes as string) });
const complete = (path: string, exitCode = 0) => server.parts.streams.completed(server.parts.run.id, path, { exitCode });
const texts = (source: TestEventSource) => source.events.filter(({ event }) => event === 'ui/notify').map(({ data }) => data['text']);

describe('{#transport_sse} the events of a run', () => {
  it('come after since, then replay/synced, then live: each with its number as id and the params of the notification', async () => {
    for (let i = 0; i < 300; i++) server.parts.tell(`old${i}`, 'r1');
    server.parts.tell('of no run');
    const source = await open('/runs/r1/events?since=0');
    expect(source.response.headers).toMatchObject({ 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    server.parts.tell('new', 'r1');
    await source.until((one) => texts(one).includes('new'));
    expect(texts(source)).toEqual([...Array.from({ length: 300 }, (_, i) => `old${i}`), 'new']);
    expect(source.events.findIndex(({ event }) => event === 'replay/synced')).toBe(300);
    const { id, data } = source.events.at(-1)!;
    expect(data).toEqual({ seq: Number(id), run: 'r1', level: 'info', text: 'new' });
    const client = await server.connect();
    const { subscription } = await client.call<{ subscription: number }>('subscribe', { run: 'r1', since: 0 });
    const notice = await client.notice('ui/notify', ({ text }) => text === 'new');
    expect(notice).toEqual({ subscription, ...data });
    await client.close();
  });

  it('without since are those that come; a client that reconnects goes on after its last one, without gap or duplicate', async () => {
    server.parts.tell('before', 'r1');
    const first = await open('/runs/r1/events');
    expect((await first.event('replay/synced')).id).toBe(String(server.parts.store.events.lastSeq(server.parts.project.id)));
    first.close();
    server.parts.tell('while away', 'r1');
    const second = await open('/runs/r1/events', first.lastId);
    server.parts.tell('and then', 'r1');
    await second.until((one) => texts(one).length === 2);
    second.close();
    const third = await open('/runs/r1/events?since=0', second.lastId);
    server.parts.tell('last', 'r1');
    await third.until((one) => texts(one).length === 1);
    expect([texts(first), texts(second), texts(third)]).toEqual([[], ['while away', 'and then'], ['last']]);
  });

  it('go on when the run is renamed, and end with an error when it is deleted', async () => {
    await server.close();
    server = await startServer({ pingMs: 30 });
    const source = await open('/runs/r1/events');
    await source.event('replay/synced');
    server.parts.runtime.rename(
      { project: server.parts.project, sight: everyRun(server.parts.project.id), client: 'c', signal: new AbortController().signal },
      'r1',
      'r2',
    );
    server.parts.tell('renamed', 'r2');
    await source.until((one) => texts(one).includes('renamed'));
    server.parts.store.runs.remove(server.parts.run.id);
    const { data } = await source.event('error');
    expect(data).toMatchObject({ code: -32004, message: expect.stringContaining('deleted'), data: { name: 'not_found', status: 404 } });
    await source.until(({ over }) => over === 'ended');
  });
});

describe('{#transport_sse} a channel', () => {
  it('comes byte for byte from the start to the end, cut anywhere and resumed at the last id', async () => {
    const { path } = server.parts.accept('build');
    const parts = [
      'plain\r\n\r\ndata: x\n\n',
      'h\u00e9llo \u{1f600}\u2028',
      Buffer.from([0, 255, 254, 10]),
      Buffer.alloc(200_000, '\u00e9'),
    ];
    const all = Buffer.concat(parts.map((part) => Buffer.from(part as string)));
    const first = await open(channelUrl(path));
    await append(path, parts[0]!);
    await append(path, Buffer.from(parts[1] as string).subarray(0, 8));
    await first.until((one) => one.bytes().length > 20);
    first.close();
    await append(path, Buffer.from(parts[1] as string).subarray(8));
    await append(path, parts[2]!);
    const begun = first.bytes();
    const second = await open(channelUrl(path, '?from=live'), first.lastId);
    await append(path, parts[3]!);
    await append(path, 'to the other channel', 2);
    complete(path, 3);
    const { id, data } = await second.event('ended');
    expect(Buffer.concat([begun, second.bytes(begun.length)]).equals(all)).toBe(true);
    expect(data).toMatchObject({
      run: 'r1',
      path,
      status: 500,
      outcome: 'exit:3',
      exit_code: 3,
      channels: [{ bytes: all.length }, { bytes: 20 }],
    });
    expect(second.events.at(-1)?.event).toBe('ended');
    await second.until(({ over }) => over === 'ended');
    expect(id).toBe(`${all.length}-ended`);
    const { status, body } = await get(channelUrl(path), { 'last-event-id': id! });
    expect([status, body]).toEqual([204, '']);
    // The end of another length is not this one's.
    const shorter = await open(channelUrl(path), '20-ended');
    await shorter.event('ended');
    expect(shorter.bytes(20).equals(all.subarray(20))).toBe(true);
    expect(await refused(channelUrl(path), { 'last-event-id': `${all.length + 1}-ended` })).toMatchObject({ name: 'offset_conflict' });
    // Who has had every byte and not the end is told the end.
    const third = await open(channelUrl(path), String(all.length));
    expect((await third.event('ended')).data).toEqual(data);
    expect(third.events).toHaveLength(1);
  });

  it('is chosen by number or by its own path, and read from an offset', async () => {
    const { path } = server.parts.accept('build');
    await append(path, 'one');
    await append(path, 'second', 2);
    complete(path);
    const read = async (url: string, from = 0) => {
      const source = await open(url);
      await source.event('ended');
      return source.bytes(from).toString();
    };
    expect(await read(channelUrl(path))).toBe('one');
    expect(await read(channelUrl(path, '?channel=2&from=start'))).toBe('second');
    expect(await read(channelUrl(path, '?channel=2&from=3'), 3)).toBe('ond');
    expect(await read(channelUrl('sh://turn_0/build_2'))).toBe('second');
    expect(await read(`/runs/r1/channels/${path}`)).toBe('one');
    expect(await read(channelUrl(path, '?from=live'), 3)).toBe('');
  });

  it('of a proposal begins with its acceptance; of one that is rejected it ends with an error', async () => {
    const { store, run, journal, streams } = server.parts;
    const accepted = propose(store, run, 'accepted');
    const source = await open(channelUrl(accepted.path));
    journal.commit('durable', (tx) =>
      streams.open(tx, accepted, {
        backend: 'process',
        runner: 'client',
        channels: [1, 2],
        spec: { command: 'x', cwd: '/', env: {}, stdin: false },
      }),
    );
    await append(accepted.path, 'begun');
    complete(accepted.path);
    await source.event('ended');
    expect(source.bytes().toString()).toBe('begun');
    const client = await server.connect();
    const rejected = propose(store, run, 'rejected').path;
    const waiting = await open(channelUrl(rejected));
    await client.call('run/resolve', { run: 'r1', resolution: { path: rejected, action: 'reject' } });
    expect((await waiting.event('error')).data).toMatchObject({ data: { name: 'stream_not_open', entry_status: 403 } });
    await waiting.until(({ over }) => over === 'ended');
    expect(await refused(channelUrl(rejected))).toMatchObject({ status: 409, name: 'stream_not_open' });
    await client.close();
  });

  it('{#stream_closed} ends with an error when its run is deleted while it waits', async () => {
    const waiting = await open(channelUrl(propose(server.parts.store, server.parts.run, 'waits').path));
    const client = await server.connect();
    await client.call('run/delete', { run: 'r1' });
    expect((await waiting.event('error')).data).toMatchObject({ message: 'run r1 has been deleted', data: { name: 'not_found' } });
    await waiting.until(({ over }) => over === 'ended');
    await client.close();
  });

  it('from live begins at the tail, also for a client that was cut off before the first piece', async () => {
    const { path } = server.parts.accept('build');
    await append(path, 'before');
    const source = await open(channelUrl(path, '?from=live'));
    await source.until(({ lastId }) => lastId === '6');
    source.close();
    await append(path, ' missed');
    const again = await open(channelUrl(path, '?from=live'), source.lastId);
    await append(path, ' live');
    complete(path);
    await again.event('ended');
    expect(again.bytes(6).toString()).toBe(' missed live');
  });

  it('from live tells a reader that fell 8 MiB behind what it was not sent; from an offset nothing is left out', async () => {
    const { path } = server.parts.accept('build');
    const live = await open(channelUrl(path, '?from=live'));
    const exact = await open(channelUrl(path));
    const stalled = [live, exact].map(({ response }) => response.pause());
    const piece = Buffer.alloc(256 * 1024, 'x');
    for (let i = 0; i < 120; i++) await append(path, piece);
    complete(path);
    for (const response of stalled) response.resume();
    await Promise.all([live.event('ended'), exact.event('ended')]);
    expect(exact.bytes().length).toBe(120 * piece.length);
    const { id, data } = await live.event('gap');
    expect(data).toEqual({ from: expect.any(Number), to: Number(id) });
    const at = live.events.findIndex(({ event }) => event === 'gap');
    expect(live.events[at - 1]?.id).toBe(String(data['from']));
    expect(Number(data['to']) - Number(data['from'])).toBeGreaterThan(8 * 1024 * 1024);
  });
});

describe('{#transport_sse} a request for an event stream', () => {
  it('needs the token and a name of this server, as the WebSocket does', async () => {
    const { path } = server.parts.accept('build');
    for (const url of ['/runs/r1/events', channelUrl(path)]) {
      expect((await fetchText(`${server.http}${url}`)).status).toBe(401);
      expect(await refused(url, { authorization: 'Bearer wrong' })).toMatchObject({ status: 401, name: 'unauthenticated' });
      expect(await refused(url, { origin: 'https://evil.example' })).toMatchObject({ status: 403, name: 'forbidden' });
      expect(await refused(url, { host: 'evil.example' })).toMatchObject({ status: 403, name: 'forbidden' });
    }
  });

  it('that asks for something that is not there, or not so, is refused in words before it begins', async () => {
    const { path } = server.parts.accept('build');
    await append(path, 'abc');
    const cases: [string, Record<string, string>, number, string][] = [
      ['/runs/nope/events', {}, 404, 'not_found'],
      ['/runs/r1/nothing', {}, 404, 'not_found'],
      ['/runs/r1/events?since=x', {}, 400, 'invalid_params'],
      ['/runs/r1/events?since=99999', {}, 400, 'invalid_params'],
      ['/runs/r1/events?sinse=1', {}, 400, 'invalid_params'],
      ['/runs/r1/events', { 'last-event-id': '-1' }, 400, 'invalid_params'],
      ['/runs/%zz/events', {}, 400, 'invalid_params'],
      [channelUrl('log://turn_0/sh/nope'), {}, 404, 'not_found'],
      [channelUrl('known://x'), {}, 400, 'invalid_params'],
      [channelUrl(path, '?channel=7'), {}, 404, 'not_found'],
      [channelUrl(path, '?channel=100'), {}, 400, 'invalid_params'],
      [channelUrl(path, '?channel=1&channel=2'), {}, 400, 'invalid_params'],
      [channelUrl('sh://turn_0/build_1', '?channel=2'), {}, 400, 'invalid_params'],
      [channelUrl(path, '?from=end'), {}, 400, 'invalid_params'],
      [channelUrl(path, '?from=4'), {}, 409, 'offset_conflict'],
      [channelUrl(path), { 'last-event-id': '4' }, 409, 'offset_conflict'],
    ];
    for (const [url, headers, status, name] of cases) expect(await refused(url, headers), url).toMatchObject({ status, name });
    expect(server.parts.server.connections).toBe(0);
    const beyond = await refused('/runs/r1/events?since=0', { 'last-event-id': '99999' });
    expect(beyond.data).toMatchObject({ name: 'invalid_params', field: 'Last-Event-ID' });
  });

  it('of another method than GET is answered with 405 and the one that there is', async () => {
    for (const method of ['HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS']) {
      const { status, headers } = await get('/runs/r1/events', {}, method);
      expect([method, status, headers.allow]).toEqual([method, 405, 'GET']);
    }
  });

  it('names the project where several have a run of that alias', async () => {
    const { store, project } = server.parts;
    const other = store.projects.open({ name: 'other', root: '/', configPath: null });
    store.runs.create({ projectId: other.id, alias: 'r1', parentId: null, model: 'scripted', settings: {} });
    expect(await refused('/runs/r1/events')).toMatchObject({ status: 409, name: 'conflict', data: { projects: ['test', 'other'] } });
    expect(await refused('/runs/r1/events?project=third')).toMatchObject({ status: 404, name: 'not_found' });
    for (const query of ['project=test', `projectRoot=${encodeURIComponent(project.root)}`]) {
      const source = await open(`/runs/r1/events?${query}`);
      server.parts.tell('here', 'r1');
      await source.until((one) => texts(one).includes('here'));
    }
    for (const [query, root] of [
      ['', project.root],
      ['?project=test', '/'],
    ] as const) {
      const source = await TestEventSource.open(`${server.http}/runs/r1/events${query}`, { ...auth, 'headgate-project': root });
      sources.push(source);
      server.parts.tell('named by the header', 'r1');
      await source.until((one) => texts(one).includes('named by the header'));
    }
    expect(await refused('/runs/r1/events', { 'headgate-project': '/tmp' })).toMatchObject({ status: 404, name: 'not_found' });
    expect(await refused('/runs/r1/events', { 'headgate-project': '/none/such' })).toMatchObject({ status: 400, name: 'invalid_params' });
    const source = await open('/runs/r1/events?project=other');
    await source.event('replay/synced');
    server.parts.tell('not there', 'r1');
    server.parts.journal.commit('fast', (tx) => void tx.event(other.id, 'r1', 'ui/notify', { run: 'r1', level: 'info', text: 'there' }));
    await source.until((one) => texts(one).length > 0);
    expect(texts(source)).toEqual(['there']);
  });

  it('finds a project by the header also where its root was given by a symbolic link', async () => {
    const { store, project } = server.parts;
    const link = `${project.root}-link`;
    symlinkSync(project.root, link);
    try {
      store.projects.open({ name: project.name, root: link, configPath: null });
      for (const root of [link, realpathSync(link)]) {
        const source = await TestEventSource.open(`${server.http}/runs/r1/events`, { ...auth, 'headgate-project': root });
        sources.push(source);
        await source.event('replay/synced');
      }
    } finally {
      unlinkSync(link);
    }
  });
});

describe('{#transport_sse} an event stream that the server leaves', () => {
  it('is cut, so that the client sees that it is not complete and connects again', async () => {
    const { path } = server.parts.accept('build');
    const [channel, events] = [await open(channelUrl(path)), await open('/runs/r1/events')];
    await server.parts.server.close();
    await Promise.all([channel, events].map((source) => source.until(({ over }) => over !== undefined)));
    expect([channel.over, events.over]).toEqual(['cut', 'cut']);
    expect(channel.events).toEqual([]);
  });
});
