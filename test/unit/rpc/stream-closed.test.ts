import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type RpcHarness, rpcHarness, type TestPeer } from '../../support/rpc-harness.ts';
import { propose } from '../../support/temp-store.ts';
import { settled } from '../stream/harness.ts';

let h: RpcHarness;
beforeEach(async () => {
  h = await rpcHarness();
});
afterEach(() => h.close());

const closed = (client: TestPeer) => client.until(({ method }) => method === 'stream/closed').then(({ params }) => params);
const subscribe = async (client: TestPeer, what: object) =>
  (await client.call<{ subscription: number }>('stream/subscribe', { run: 'r1', ...what })).subscription;

describe('{#stream_closed} a stream subscription that can bring nothing more', () => {
  it('is closed when the proposal that it waits for is rejected, and says so', async () => {
    const { path } = propose(h.store, h.run, 'no');
    const client = await h.join();
    const subscription = await subscribe(client, { path });
    await client.call('run/resolve', { run: 'r1', resolution: { path, action: 'reject' } });
    expect(await closed(client)).toEqual({ subscription, run: 'r1', path, reason: 'never_started', status: 403, outcome: 'rejected' });
    expect((await client.ask('stream/unsubscribe', { subscription })).error?.data['name']).toBe('not_found');
  });

  it('is closed when its proposal ends without an answer, as by an abort of the run', async () => {
    const { path, id } = propose(h.store, h.run, 'no');
    const client = await h.join();
    const subscription = await subscribe(client, { path });
    h.journal.commit('durable', (tx) => {
      const { status, outcome, version } = h.store.entries.update(id, { status: 499, outcome: 'aborted' });
      tx.event(h.project.id, 'r1', 'entry/changed', { run: 'r1', path, status, outcome, version });
    });
    expect(await closed(client)).toMatchObject({ subscription, reason: 'never_started', status: 499, outcome: 'aborted' });
  });

  it('is answered and then closed when it is opened after that', async () => {
    const { path } = propose(h.store, h.run, 'no');
    const client = await h.join();
    await client.call('run/resolve', { run: 'r1', resolution: { path, action: 'reject' } });
    const subscription = await subscribe(client, { path, carriage: 'json' });
    expect(await closed(client)).toMatchObject({ subscription, reason: 'never_started', status: 403 });
    const answer = client.messages.findIndex(
      ({ result }) => (result as { subscription?: number } | undefined)?.subscription === subscription,
    );
    expect(client.messages.findIndex(({ method }) => method === 'stream/closed')).toBeGreaterThan(answer);
  });

  it('is left open by another proposal that is rejected, and by an accept', async () => {
    const [mine, other] = [propose(h.store, h.run, 'mine'), propose(h.store, h.run, 'other')];
    const client = await h.join();
    await subscribe(client, { path: mine.path });
    await subscribe(client, { pattern: 'log://**' });
    await client.call('run/resolve', { run: 'r1', resolution: { path: other.path, action: 'reject' } });
    h.accept('third');
    await settled();
    expect(client.notices('stream/closed')).toEqual([]);
  });

  it('is closed when its run is deleted, also while it is still behind on a command that has ended', async () => {
    const { path } = h.accept('build');
    const writer = await h.join();
    const client = await h.join();
    const subscription = await subscribe(client, { path });
    const byPattern = await subscribe(client, { pattern: 'log://**' });
    client.stall();
    for (let i = 0; i < 8; i++) await writer.call('stream', { run: 'r1', path, channel: 1, chunk: 'x'.repeat(1_000_000) });
    await writer.call('stream/completed', { run: 'r1', path });
    await writer.call('run/delete', { run: 'r1' });
    client.goOn();
    await client.until(({ method, params }) => method === 'stream/closed' && params?.['subscription'] === byPattern);
    expect(client.notices('stream/closed')).toEqual([
      { subscription, run: 'r1', path, reason: 'run_deleted' },
      { subscription: byPattern, run: 'r1', reason: 'run_deleted' },
    ]);
  });

  it('of another run stays open when a run is deleted', async () => {
    const client = await h.join();
    await client.call('startRun', { model: 'scripted', alias: 'r2' });
    await subscribe(client, { run: 'r2', pattern: 'log://**' });
    await client.call('run/delete', { run: 'r1' });
    await settled();
    expect(client.notices('stream/closed')).toEqual([]);
  });
});

describe('{#run_delete} a deleted run', () => {
  const deleted = (client: TestPeer) => client.notices('run/state').filter((state) => state['deleted'] === true);

  it('is told to everyone, live and in a replay, after everything else of it is gone', async () => {
    const client = await h.join();
    const { subscription } = await client.call<{ subscription: number }>('subscribe', { run: 'r1' });
    const late = await h.join();
    await late.call('run/delete', { run: 'r1' });
    await client.until(({ params }) => params?.['deleted'] === true);
    expect(deleted(client)).toEqual([
      { subscription, seq: expect.any(Number), run: 'r1', status: 100, outcome: null, turn: 0, deleted: true },
    ]);
    const replaying = await h.join();
    await replaying.call('subscribe', { since: 0 });
    await replaying.until(({ method }) => method === 'replay/synced');
    expect(deleted(replaying)).toHaveLength(1);
  });

  it('is known by its last alias to a subscription that saw it renamed', async () => {
    const client = await h.join();
    await client.call('subscribe', { run: 'r1' });
    await client.call('run/rename', { run: 'r1', name: 'renamed' });
    await client.call('run/delete', { run: 'renamed' });
    await client.until(({ params }) => params?.['deleted'] === true);
    expect(deleted(client)).toMatchObject([{ run: 'renamed' }]);
  });

  it('is not taken for the run that has its alias next: neither its end nor the events of the other one', async () => {
    const client = await h.join();
    const { subscription: old } = await client.call<{ subscription: number }>('subscribe', { run: 'r1' });
    await client.call('run/delete', { run: 'r1' });
    await client.call('startRun', { model: 'scripted', alias: 'r1' });
    const { subscription } = await client.call<{ subscription: number }>('subscribe', { run: 'r1', since: 0 });
    await client.until(({ method, params }) => method === 'replay/synced' && params?.['subscription'] === subscription);
    const states = (of: number) => client.notices('run/state').filter((state) => state['subscription'] === of);
    expect(states(subscription).map((state) => state['deleted'])).toEqual([undefined]);
    expect(states(old).map((state) => state['deleted'])).toEqual([true]);
  });
});
