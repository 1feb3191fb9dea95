import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CARRIAGE_HEADER_BYTES } from '../../src/rpc/protocol/carriage.ts';
import type { Params, WireClient, WireError } from '../support/built-server.ts';
import { HandRunner } from '../support/hand-runner.ts';
import { startHeadgate } from '../support/server.ts';

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

async function hand(more?: Params): Promise<HandRunner> {
  const wire = await headgate.connect(false);
  connections.push(wire);
  const runner = new HandRunner(wire);
  if (more) await runner.register(more);
  return runner;
}

async function accepted(runner = 'hand', more: Params = {}): Promise<{ run: string; path: string }> {
  const { run } = await client.call<{ run: string }>('startRun', { model: 'scripted' });
  const { path } = await client.call<{ path: string }>('sh', { run, command: 'anything', runner, ...more });
  await client.call('run/resolve', { run, resolution: { path, action: 'accept' } });
  return { run, path };
}

async function listed({ path, run }: { run: string; path: string }): Promise<Params> {
  const rows = await client.call<Params[]>('stream/list', { run });
  return rows.find((row) => row['path'] === path)!;
}

const text = async ({ run, path }: { run: string; path: string }) =>
  (await client.call<{ chunk: string }>('stream/read', { run, path, channel: 1 })).chunk;

describe('{#runner_output} {#runner_requests} a runner over the wire', () => {
  it('is given a producer, brings its output as frames, hears what is stored, and tells the end once', async () => {
    const runner = await hand({});
    const where = await accepted();
    const given = await runner.asked('runner/start');
    expect(given).toMatchObject({
      epoch: 1,
      state: 'queued',
      path: where.path,
      backend: 'process',
      spec: { command: 'anything' },
      offsets: {},
    });
    await runner.started(given);
    runner.frame(given.handle, 1, 0, 'one ');
    runner.frame(given.handle, 1, 4, 'two');
    await runner.wire.notice('runner/ack', (ack) => ack['offset'] === 7 && ack['handle'] === given.handle && ack['channel'] === 1);
    runner.frame(given.handle, 1, 0, 'one ');
    runner.frame(given.handle, 1, 99, 'a gap');
    expect(await runner.wire.notice('runner/nack')).toMatchObject({
      handle: given.handle,
      offset: 99,
      error: { name: 'offset_conflict', data: { expected: 7 } },
    });
    expect(await client.call('stream/input', { ...where, chunk: 'ab' })).toMatchObject({ bytes: 2 });
    expect(await runner.asked('runner/input')).toMatchObject({ producer: given.producer, chunk: 'YWI=', eof: false });
    await client.call('stream/signal', { ...where, signal: 'USR1' });
    expect(await runner.asked('runner/signal')).toMatchObject({ signal: 'SIGUSR1' });
    expect(await runner.completed(given, 3)).toEqual({});
    expect(await listed(where)).toMatchObject({ state: 'ended', exit_code: 3, runner: 'hand', waitsFor: null, pid: 1 });
    await expect(runner.completed(given, 0)).rejects.toMatchObject({ data: { name: 'stream_closed' } });
    runner.frame(given.handle, 1, 7, 'late');
    await runner.wire.notice('runner/nack', (nack) => (nack['error'] as Params)['name'] === 'not_found');
    expect(await text(where)).toBe('one two');
  });

  it('names what is wrong with a frame, and goes on', async () => {
    const runner = await hand();
    runner.wire.socket.send(Buffer.alloc(20));
    await runner.until(() => runner.errors[0]);
    await runner.register();
    runner.wire.socket.send(Buffer.alloc(CARRIAGE_HEADER_BYTES - 1));
    runner.frame(1, 1, 0, Buffer.alloc(1024 * 1024 + 1));
    runner.frame(77, 1, 0, 'x');
    const nack = await runner.wire.notice('runner/nack');
    expect(nack).toMatchObject({ handle: 77, error: { name: 'not_found' } });
    expect(runner.errors.map(({ data }) => data['name'])).toEqual(['invalid_request', 'invalid_request', 'too_large']);
    expect(await runner.wire.call('ping')).toMatchObject({ pong: true });
  });

  it('{#machine_restart} hears on which boot of its machine it was given a command, and of none before', async () => {
    const waiting = await accepted();
    const first = await hand({ boot_id: 'boot one' });
    expect(await first.asked('runner/start')).toMatchObject({ path: waiting.path, bootId: 'boot one' });
    await first.wire.close();
    const second = await hand({ boot_id: 'boot two' });
    expect(await second.asked('runner/adopt')).toMatchObject({ state: 'queued', bootId: 'boot one' });
  });

  it('{#spool_space} is answered when what it has had acknowledged is on the disk', async () => {
    const runner = await hand({});
    await accepted();
    const given = await runner.asked('runner/start');
    runner.frame(given.handle, 1, 0, 'bytes');
    await runner.wire.notice('runner/ack');
    expect(await runner.wire.call('runner/persist')).toEqual({});
    await expect(client.call('runner/persist')).rejects.toMatchObject({ data: { name: 'conflict' } });
  });

  it('is told of a frame whose offset is beyond 2^53-1, and nothing of it is stored', async () => {
    const runner = await hand({});
    const where = await accepted();
    const given = await runner.asked('runner/start');
    await runner.started(given);
    const frame = Buffer.alloc(CARRIAGE_HEADER_BYTES + 3, 0xff);
    frame.writeUInt32BE(given.handle, 0);
    frame[4] = 1;
    runner.wire.socket.send(frame);
    const nack = await runner.wire.notice('runner/nack');
    expect(nack).toMatchObject({ handle: given.handle, channel: 1, error: { name: 'invalid_params', data: { field: 'offset' } } });
    expect(runner.errors).toEqual([]);
    expect(await text(where)).toBe('');
  });

  it('may not tell of a producer that it was not given', async () => {
    const [first, second] = [await hand({}), await hand({ name: 'other', instance: 'folder-other' })];
    const where = await accepted();
    const given = await first.asked('runner/start');
    await first.started(given);
    const { producer, epoch } = given;
    const receipt = { requestedBy: 'x', reason: null, requestedAt: 1, signals: [], confirmedDead: [], escaped: [], finishedAt: 2 };
    const refused = { data: { name: 'not_found' } };
    await expect(second.started(given)).rejects.toMatchObject(refused);
    await expect(second.completed(given)).rejects.toMatchObject(refused);
    const failure = { producer, epoch, lost: true, outcome: 'lost', message: 'no' };
    await expect(second.wire.call('runner/failed', failure)).rejects.toMatchObject(refused);
    await expect(second.wire.call('runner/killed', { producer, epoch, receipt })).rejects.toMatchObject(refused);
    expect(await listed(where)).toMatchObject({ state: 'running' });
    await first.completed(given);
    expect(await listed(where)).toMatchObject({ state: 'ended' });
  });

  it('that goes away with a request unanswered: who sent input is told to look before sending it again', async () => {
    const runner = await hand({});
    const where = await accepted();
    await runner.started(await runner.asked('runner/start'));
    runner.deaf = true;
    const sent = client.call('stream/input', { ...where, chunk: 'once' }).catch((error: unknown) => error);
    await runner.asked('runner/input');
    runner.wire.socket.terminate();
    expect(await sent).toMatchObject({
      message: expect.stringMatching(/may have been taken.* look at the output/),
      data: { name: 'conflict', unanswered: true },
    });
    const refused = await client.call('stream/input', { ...where, chunk: 'again' }).catch((error: unknown) => error);
    expect(refused).toMatchObject({ message: expect.stringContaining('try again'), data: { name: 'conflict' } });
  });

  it('may not tell anything of a producer before it is a runner', async () => {
    const stranger = await hand();
    await expect(stranger.wire.call('runner/heartbeat')).rejects.toMatchObject({ data: { name: 'conflict' } });
    await expect(stranger.register({ name: 'embedded' })).rejects.toMatchObject({ data: { name: 'invalid_params', field: 'name' } });
  });
});

describe('{#runner_register} {#transport_http} a registration in a single request', () => {
  it('is refused, and what waits for a runner of that name waits on', async () => {
    const where = await accepted();
    const answer = await fetch(`${headgate.server.http}/rpc`, {
      method: 'POST',
      headers: { authorization: `Bearer ${headgate.server.token}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method: 'runner/register',
        params: { name: 'hand', labels: [], backends: ['process'], capacity: 1, instance: 'folder-one' },
      }),
    });
    expect(await answer.json()).toMatchObject({ error: { message: expect.stringContaining('WebSocket'), data: { name: 'unsupported' } } });
    expect(await listed(where)).toMatchObject({ state: 'queued', waitsFor: 'a runner named or labelled "hand"' });
    expect(await client.call('runner/list')).toEqual([]);
  });
});

describe('{#runner_register} {#stream_epoch} a second registration', () => {
  it('fences the first one: it is told, its frames and its end are refused, and nothing of them is stored', async () => {
    const first = await hand({});
    const where = await accepted();
    const given = await first.asked('runner/start');
    await first.started(given);
    first.frame(given.handle, 1, 0, 'stored');
    await first.wire.notice('runner/ack');
    const second = await hand();
    const registered = await second.register({ resume: [{ producer: given.producer }] });
    expect(registered).toMatchObject({ epoch: 2, adopt: [given.producer], release: [] });
    expect(await first.wire.notice('runner/fenced')).toMatchObject({ runner: 'hand', epoch: 1 });
    const taken = await second.asked('runner/adopt');
    expect(taken).toMatchObject({ epoch: 2, state: 'running', ref: { pid: 1 }, offsets: { 1: 6, 2: 0 } });
    first.frame(given.handle, 1, 6, ' twice');
    expect(await first.wire.notice('runner/nack')).toMatchObject({ offset: 6, error: { name: 'stale_epoch' } });
    await expect(first.completed(given)).rejects.toMatchObject({ code: -32008, data: { name: 'stale_epoch' } });
    await expect(second.completed({ ...taken, epoch: 1 })).rejects.toMatchObject({ data: { name: 'stale_epoch' } });
    second.frame(taken.handle, 1, 6, ' once');
    await second.wire.notice('runner/ack', (ack) => ack['offset'] === 11);
    await second.completed(taken);
    expect(await text(where)).toBe('stored once');
  });

  it('with another state folder is not given what the first folder may have started', async () => {
    const first = await hand({});
    const where = await accepted();
    await first.asked('runner/start');
    const second = await hand();
    expect(await second.register({ instance: 'folder-two' })).toMatchObject({ adopt: [] });
    await accepted();
    expect(await second.asked('runner/start')).toMatchObject({ epoch: 1 });
    expect(second.requests).toHaveLength(1);
    expect(await listed(where)).toMatchObject({ state: 'queued', waitsFor: expect.stringContaining('away') });
  });

  it('with commands of another database is refused', async () => {
    const runner = await hand();
    const resume = [{ producer: 'p1-abc' }];
    const refused = runner.register({ store: 'another', resume });
    await expect(refused).rejects.toMatchObject({ data: { name: 'conflict' } } satisfies Partial<WireError>);
    const { store } = await runner.register();
    const again = await hand();
    expect(await again.register({ store, resume })).toMatchObject({
      adopt: [],
      release: [{ producer: 'p1-abc', kill: { requestedBy: 'server', reason: 'its run has been deleted' } }],
    });
  });
});

describe('{#runner_selection} which runner', () => {
  it('the least loaded that has the label and room; the rest waits, visibly, and follows when there is room', async () => {
    const where = await accepted('gpu');
    expect(await listed(where)).toMatchObject({ state: 'queued', runner: 'gpu', waitsFor: 'a runner named or labelled "gpu"' });
    const big = await hand({ name: 'big', labels: ['gpu'], capacity: 1, instance: 'folder-big' });
    const given = await big.asked('runner/start');
    const other = await hand({ name: 'cpu', labels: [], instance: 'folder-cpu' });
    const next = await accepted('gpu');
    expect(await listed(next)).toMatchObject({ state: 'queued', waitsFor: expect.stringContaining('free place') });
    expect(await client.call('runner/list')).toMatchObject([
      { name: 'big', live: 1, capacity: 1, state: 'ready' },
      { name: 'cpu', live: 0 },
    ]);
    await big.started(given);
    await big.completed(given);
    expect(await big.asked('runner/start', 1)).toMatchObject({ path: next.path });
    expect(other.requests).toEqual([]);
  });

  it('a cancel of what waits ends it at once, with an empty receipt, and it is never given to anybody', async () => {
    const where = await accepted('gpu');
    expect(await client.call('stream/cancel', where)).toMatchObject({ channels: [{ status: 499 }, { status: 499 }] });
    const receipt = await client.call<{ receipt: Params }>('stream/receipt', where);
    expect(receipt).toMatchObject({ state: 'cancelled', receipt: { signals: [], finishedAt: expect.any(Number) } });
    const runner = await hand({});
    const later = await accepted('gpu');
    expect(await runner.asked('runner/start')).toMatchObject({ path: later.path });
    expect(runner.requests).toHaveLength(1);
  });

  it('refuses what no runner can be called', async () => {
    const { run } = await client.call<{ run: string }>('startRun', { model: 'scripted' });
    const refused = client.call('sh', { run, command: 'true', runner: 'no such name' });
    await expect(refused).rejects.toMatchObject({ data: { name: 'invalid_params', field: 'runner' } });
  });
});

describe('{#runner_lease} a runner that is away', () => {
  it('has its commands refused for input with what they wait for, and takes up a queued one when it is back', async () => {
    const first = await hand({});
    const where = await accepted();
    const given = await first.asked('runner/start');
    await first.wire.close();
    await expect(client.call('stream/input', { ...where, chunk: 'x' })).rejects.toMatchObject({ data: { name: 'conflict' } });
    const second = await hand();
    expect(await second.register()).toMatchObject({ adopt: [given.producer] });
    expect(await second.asked('runner/adopt')).toMatchObject({ state: 'queued', epoch: 2, offsets: { 1: 0, 2: 0 } });
  });

  it('and whose command is cancelled meanwhile: 499 at once, and the kill is handed over when it is back', async () => {
    const first = await hand({});
    const where = await accepted();
    await first.started(await first.asked('runner/start'));
    await first.wire.close();
    const cancel = { ...where, reason: 'no', signal: 'INT', grace_ms: 70_000 };
    expect(await client.call('stream/cancel', cancel)).toMatchObject({ channels: [{ status: 499 }, { status: 499 }] });
    const second = await hand({});
    const taken = await second.asked('runner/adopt');
    expect(taken).toMatchObject({ state: 'cancelling', kill: { requestedBy: 'test', reason: 'no', signal: 'SIGINT', graceMs: 70_000 } });
    const receipt = { requestedBy: 'test', reason: 'no', requestedAt: 1, signals: [], confirmedDead: [7], escaped: [], finishedAt: 2 };
    await second.wire.call('runner/killed', { producer: taken.producer, epoch: taken.epoch, receipt });
    expect(await client.call('stream/receipt', where)).toMatchObject({
      state: 'cancelled',
      receipt: { confirmedDead: [7], signal: 'SIGINT' },
    });
  });
});

describe('{#runner_drain} a runner that is drained', () => {
  it('is asked to finish, is given no more, and what comes then waits', async () => {
    const runner = await hand({});
    await accepted();
    const given = await runner.asked('runner/start');
    expect(await client.call('runner/drain', { runner: 'hand' })).toEqual({ runner: 'hand', live: 1 });
    await runner.until(() => runner.requests.find(({ method }) => method === 'runner/drain'));
    const next = await accepted();
    expect(await listed(next)).toMatchObject({ state: 'queued', waitsFor: expect.any(String) });
    await runner.started(given);
    await runner.completed(given);
    expect(await client.call('runner/list')).toMatchObject([{ state: 'draining', live: 0 }]);
    const closed = once(runner.wire.socket, 'close');
    await runner.wire.close();
    await closed;
    expect(runner.requests.filter(({ method }) => method === 'runner/start')).toHaveLength(1);
    await expect(client.call('runner/drain', { runner: 'hand' })).rejects.toMatchObject({ data: { name: 'not_found' } });
  });
});
