import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type RpcHarness, rpcHarness, type TestPeer } from '../../support/rpc-harness.ts';

type Row = { path: string; state: string };

describe('{#producer_list} stream/list', () => {
  let h: RpcHarness;
  let peer: TestPeer;
  beforeEach(async () => {
    h = await rpcHarness();
    peer = await h.join();
  });
  afterEach(() => h.close());

  const list = async (params: object = {}) => (await peer.call<Row[]>('stream/list', params)).map(({ path }) => path);
  const pathOf = (slug: string) => `log://turn_0/sh/${slug}`;

  it('lists the newest first, as many as are asked for, and goes on behind them', async () => {
    for (const slug of ['a', 'b', 'c', 'd']) h.accept(slug);
    expect(await list()).toEqual(['d', 'c', 'b', 'a'].map(pathOf));
    expect(await list({ limit: 2 })).toEqual(['d', 'c'].map(pathOf));
    expect(await list({ limit: 2, offset: 3 })).toEqual([pathOf('a')]);
    expect(await list({ run: h.run.alias, state: 'live', limit: 1 })).toEqual([pathOf('d')]);
    for (const limit of [0, 1001]) expect((await peer.ask('stream/list', { limit })).error?.data).toMatchObject({ field: 'limit' });
  });

  it('returns the producer of one log entry, named by its path or by that of a channel', async () => {
    for (const slug of ['a', 'b', 'c']) h.accept(slug);
    const run = h.run.alias;
    expect(await list({ run, path: pathOf('b') })).toEqual([pathOf('b')]);
    expect(await list({ run, path: 'sh://turn_0/b_2' })).toEqual([pathOf('b')]);
    expect(await list({ run, path: pathOf('b'), state: 'ended' })).toEqual([]);
    expect(await list({ run, path: pathOf('none') })).toEqual([]);
    expect((await peer.ask('stream/list', { path: pathOf('b') })).error?.data).toMatchObject({ field: 'run' });
  });

  it('{#no_pause} holds nobody up while it lists many', async () => {
    for (let at = 0; at < 600; at++) h.accept(`many-${at}`);
    const other = await h.join('read', 'other');
    let isListed = false;
    const listed = peer.call<Row[]>('stream/list').then((rows) => {
      isListed = true;
      return rows;
    });
    await other.call('getRuns');
    expect(isListed).toBe(false);
    expect(await listed).toHaveLength(600);
  });
});
