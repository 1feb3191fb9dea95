import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type NotificationName, notifications } from '../../../src/rpc/protocol/table.ts';
import { HIGH_WATER_BYTES } from '../../../src/stream/index.ts';
import { type Json, type Message, type RpcHarness, rpcHarness, type TestPeer } from '../../support/rpc-harness.ts';
import { settled } from '../stream/harness.ts';

let h: RpcHarness;
beforeEach(async () => {
  h = await rpcHarness();
});
afterEach(() => h.close());

const seqs = (notices: readonly Json[]) => notices.map(({ seq }) => seq as number);
const texts = (notices: readonly Json[]) => notices.map(({ text }) => text);

describe('{#events} durable notifications', () => {
  it('reach every session of the project in order, each with its sequence number, and no session of another project', async () => {
    const first = await h.join();
    const second = await h.join();
    const stranger = h.connect();
    await stranger.call('init', { name: 'other', projectRoot: h.project.root });
    const greeted = h.connect();
    for (let i = 0; i < 5; i++) h.tell(`n${i}`);
    await first.until(({ params }) => params?.['text'] === 'n4');
    await second.until(({ params }) => params?.['text'] === 'n4');
    await settled();
    for (const client of [first, second]) {
      const got = client.notices('ui/notify');
      expect(texts(got)).toEqual(['n0', 'n1', 'n2', 'n3', 'n4']);
      expect(seqs(got)).toEqual([...seqs(got)].sort((a, b) => a - b));
      expect(got.every((one) => !('subscription' in one))).toBe(true);
    }
    expect(stranger.notices('ui/notify')).toEqual([]);
    expect(greeted.notices('ui/notify')).toEqual([]);
  });

  it('begin with init: its lastSeq is where a client that comes again goes on', async () => {
    h.tell('before');
    const client = h.connect();
    const { lastSeq } = await client.call<{ lastSeq: number }>('init', { name: h.project.name, projectRoot: h.project.root });
    h.tell('after');
    await client.until(({ params }) => params?.['text'] === 'after');
    expect(texts(client.notices('ui/notify'))).toEqual(['after']);
    expect(seqs(client.notices('ui/notify'))[0]).toBeGreaterThan(lastSeq);
  });
});

describe('{#notifications} every notification', () => {
  it('has the shape that the table gives it', async () => {
    const client = await h.join();
    await client.call('subscribe', { since: 0 });
    await client.call('startRun', { model: 'scripted', alias: 'shapes' });
    await client.call('set', { run: 'shapes', path: 'known://x', body: 'y' });
    const first = h.accept('one');
    await client.call('stream/subscribe', { run: 'r1', pattern: '**' });
    await client.call('stream', { run: 'r1', path: first.path, channel: 1, chunk: 'x' });
    await client.call('stream/completed', { run: 'r1', path: first.path, exit_code: 0 });
    const second = h.accept('two');
    await client.call('stream/cancel', { run: 'r1', path: second.path });
    await client.call('run/abort', { run: 'shapes' });
    h.tell('bye');
    await client.until(({ params }) => params?.['text'] === 'bye');
    await settled();
    const seen = new Set<string>();
    for (const { method, params } of client.messages) {
      if (method === undefined) continue;
      seen.add(method);
      const def = notifications[method as NotificationName];
      expect(def, method).toBeDefined();
      expect(def.params.safeParse(params).error, method).toBeUndefined();
      if (def.durable && method !== 'stream/ended') expect(params?.['seq'], method).toEqual(expect.any(Number));
    }
    for (const method of [
      'headgate/hello',
      'replay/synced',
      'run/state',
      'stream/started',
      'stream/chunk',
      'stream/ended',
      'stream/cancelled',
      'entry/changed',
      'ui/notify',
    ]) {
      expect([...seen]).toContain(method);
    }
  });
});

describe('{#subscribe} an event subscription', () => {
  it('replays what came after since, says replay/synced at the join, goes on live, without gap or duplicate', async () => {
    for (let i = 0; i < 600; i++) h.tell(`old${i}`);
    const client = await h.join();
    const { subscription, lastSeq } = await client.call<{ subscription: number; lastSeq: number }>('subscribe', { since: 0 });
    h.tell('new');
    await client.until(({ params }) => params?.['text'] === 'new');
    const mine = client.notices('ui/notify').filter((one) => one['subscription'] === subscription);
    expect(texts(mine)).toEqual([...Array.from({ length: 600 }, (_, i) => `old${i}`), 'new']);
    const all = client.messages.filter(({ params }) => params?.['subscription'] === subscription).map(({ method }) => method);
    expect(all.indexOf('replay/synced')).toBe(600);
    expect(client.notices('replay/synced')).toEqual([{ subscription, seq: lastSeq }]);
  });

  it('sends nothing before the answer with its id', async () => {
    for (let i = 0; i < 10; i++) h.tell(`old${i}`);
    const client = await h.join();
    await client.call('subscribe', { since: 0 });
    await client.until(({ method }) => method === 'replay/synced');
    const answer = client.messages.findIndex(({ result }) => (result as Json | undefined)?.['subscription'] !== undefined);
    const firstOfIt = client.messages.findIndex(({ params }) => params?.['subscription'] !== undefined);
    expect(answer).toBeGreaterThanOrEqual(0);
    expect(firstOfIt).toBeGreaterThan(answer);
  });

  it('without since is synced at once and brings only what is new', async () => {
    h.tell('old');
    const client = await h.join();
    await client.call('subscribe', {});
    await client.until(({ method }) => method === 'replay/synced');
    h.tell('new');
    await client.until(({ params }) => params?.['text'] === 'new');
    expect(texts(client.notices('ui/notify'))).toEqual(['new']);
  });

  it('of one run brings the events of that run alone', async () => {
    const client = await h.join();
    await client.call('startRun', { model: 'scripted', alias: 'other' });
    const { subscription } = await client.call<{ subscription: number }>('subscribe', { run: 'r1' });
    h.tell('mine', 'r1');
    h.tell('not mine', 'other');
    h.tell('of no run');
    h.tell('mine again', 'r1');
    await client.until(({ params }) => params?.['text'] === 'mine again');
    const got = client.notices('ui/notify');
    expect(texts(got)).toEqual(['mine', 'mine again']);
    expect(got.every((one) => one['subscription'] === subscription)).toBe(true);
  });

  it('of a run that is renamed goes on under the new name, and replays what came under the old', async () => {
    const client = await h.join();
    await client.call('startRun', { model: 'scripted', alias: 'before' });
    h.tell('one', 'before');
    const { subscription } = await client.call<{ subscription: number }>('subscribe', { run: 'before', since: 0 });
    await client.call('run/rename', { run: 'before', name: 'after' });
    h.tell('two', 'after');
    await client.until(({ params }) => params?.['text'] === 'two');
    const later = await client.call<{ subscription: number }>('subscribe', { run: 'after', since: 0 });
    await client.until(({ params }) => params?.['text'] === 'two' && params['subscription'] === later.subscription);
    for (const id of [subscription, later.subscription]) {
      expect(texts(client.notices('ui/notify').filter((one) => one['subscription'] === id))).toEqual(['one', 'two']);
    }
  });

  it('replaces the feed that needs none, each has its own copies, and the feed comes back after the last', async () => {
    const client = await h.join();
    const a = await client.call<{ subscription: number }>('subscribe', {});
    const b = await client.call<{ subscription: number }>('subscribe', {});
    h.tell('twice');
    await client.until(({ params }) => params?.['text'] === 'twice' && params['subscription'] === b.subscription);
    await client.call('unsubscribe', { subscription: a.subscription });
    h.tell('once');
    await client.call('unsubscribe', { subscription: b.subscription });
    h.tell('plain');
    await client.until(({ params }) => params?.['text'] === 'plain');
    expect(client.notices('ui/notify').map(({ text, subscription }) => [text, subscription])).toEqual([
      ['twice', a.subscription],
      ['twice', b.subscription],
      ['once', b.subscription],
      ['plain', undefined],
    ]);
  });

  it('of a run that does not exist, beyond the last event, or ended twice is refused', async () => {
    const client = await h.join();
    expect((await client.ask('subscribe', { run: 'nope' })).error?.data['name']).toBe('not_found');
    expect((await client.ask('subscribe', { since: 1_000_000 })).error?.data).toMatchObject({ name: 'invalid_params', field: 'since' });
    const { subscription } = await client.call<{ subscription: number }>('subscribe', {});
    await client.call('unsubscribe', { subscription });
    expect((await client.ask('unsubscribe', { subscription })).error?.data['name']).toBe('not_found');
    expect((await client.ask('stream/unsubscribe', { subscription })).error?.data['name']).toBe('not_found');
  });
});

describe('{#events_backpressure} a client that does not read', () => {
  const FILLER = 'x'.repeat(4000);

  /** 8 MiB of events. */
  const flood = (count = 2000) => {
    for (let i = 0; i < count; i++) h.tell(`${i} ${FILLER}`);
  };
  const numbers = (client: TestPeer) => client.notices('ui/notify').map(({ text }) => Number((text as string).split(' ')[0]));
  const isLast = ({ params }: Message) => typeof params?.['text'] === 'string' && params['text'].startsWith('1999 ');
  const all = Array.from({ length: 2000 }, (_, i) => i);

  it('costs no more than the high-water mark, and has every event once and in order when it reads again', async () => {
    const slow = await h.join();
    slow.stall();
    const quick = await h.join();
    flood();
    await quick.until(isLast);
    expect(numbers(quick)).toEqual(all);
    expect(slow.peer.waitingBytes()).toBeGreaterThan(0);
    expect(slow.peer.waitingBytes()).toBeLessThan(HIGH_WATER_BYTES + 64 * 1024);
    slow.goOn();
    await slow.until(isLast);
    expect(numbers(slow)).toEqual(all);
  });

  it('has every event once also when it subscribes, unsubscribes and subscribes again while it lags', async () => {
    const slow = await h.join();
    const settled = async () => {
      for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    };
    slow.stall();
    flood();
    // Requests go through while the answers wait: between the two subscriptions the events are the first one's own.
    slow.peer.send({ jsonrpc: '2.0', id: 901, method: 'subscribe', params: { since: 2000 } });
    await settled();
    h.tell('2000 own');
    slow.peer.send({ jsonrpc: '2.0', id: 902, method: 'unsubscribe', params: { subscription: 1 } });
    slow.peer.send({ jsonrpc: '2.0', id: 903, method: 'subscribe', params: { since: 0 } });
    await settled();
    h.tell('2001 last');
    slow.goOn();
    await slow.until(({ params }) => params?.['text'] === '2001 last');
    expect(slow.messages.filter(({ id }) => [901, 902, 903].includes(Number(id))).map(({ error }) => error)).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    const untagged = slow.notices('ui/notify').filter((params) => params['subscription'] === undefined);
    expect(untagged.map(({ text }) => text)).not.toContain('2000 own');
  });

  it('costs no more during a replay either', async () => {
    flood();
    const slow = await h.join();
    const { subscription } = await slow.call<{ subscription: number }>('subscribe', { since: 0 });
    slow.stall();
    await settled();
    expect(slow.peer.waitingBytes()).toBeLessThan(HIGH_WATER_BYTES + 64 * 1024);
    slow.goOn();
    await slow.until(({ method }) => method === 'replay/synced');
    expect(numbers(slow)).toEqual(all);
    expect(slow.messages.at(-1)?.params).toMatchObject({ subscription });
  });

  it('is not read from either while its answers pile up, and goes on afterwards', async () => {
    const slow = await h.join();
    const page = Array.from({ length: 400 }, (_, i) => ({
      title: null,
      run: `r${i}`,
      status: 100,
      outcome: null,
      model: FILLER,
      turn: 0,
      createdAt: 1,
      updatedAt: 1,
    }));
    h.runtime.listRuns = () => page;
    slow.stall();
    for (let id = 1000; id < 1200; id++) {
      slow.peer.send({ jsonrpc: '2.0', id, method: 'getRuns', params: {} });
      await settled(2);
    }
    expect(slow.peer.waitingBytes()).toBeLessThan(10 * 1024 * 1024);
    slow.goOn();
    await slow.until(({ id }) => id === 1199);
    expect(slow.messages.filter(({ id }) => typeof id === 'number').map(({ id }) => id)).toEqual(
      Array.from({ length: 200 }, (_, i) => 1000 + i),
    );
  });
});

describe('{#cancelled_reaches_all} stream/cancelled', () => {
  const cancelled = (client: TestPeer) => client.notices('stream/cancelled').map(({ subscription }) => subscription);

  it('reaches every session once, or through its subscriptions, whatever they are about', async () => {
    const canceller = await h.join('admin', 'canceller');
    const plain = await h.join();
    const elsewhere = await h.join();
    await elsewhere.call('startRun', { model: 'scripted', alias: 'other' });
    await elsewhere.call('subscribe', { run: 'other' });
    const subscribed = await h.join();
    const a = await subscribed.call<{ subscription: number }>('subscribe', {});
    const b = await subscribed.call<{ subscription: number }>('subscribe', { run: 'r1' });
    const { path } = h.accept('long');
    await canceller.call('stream/cancel', { run: 'r1', path, reason: 'enough' });
    h.tell('after');
    await subscribed.until(({ params }) => params?.['text'] === 'after');
    for (const client of [canceller, plain, elsewhere]) await client.until(({ method }) => method === 'stream/cancelled');
    await settled();
    expect(cancelled(canceller)).toEqual([undefined]);
    expect(cancelled(plain)).toEqual([undefined]);
    expect(cancelled(elsewhere)).toEqual([undefined]);
    expect(cancelled(subscribed)).toEqual([a.subscription, b.subscription]);
    expect(plain.notices('stream/cancelled')[0]).toMatchObject({ run: 'r1', path, reason: 'enough', seq: expect.any(Number) });
  });
});
