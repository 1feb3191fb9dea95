import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type RpcHarness, rpcHarness } from '../../support/rpc-harness.ts';

let h: RpcHarness;
beforeEach(async () => {
  h = await rpcHarness();
});
afterEach(() => h.close());

describe('{#subscribe} {#retention} events that are no longer kept', () => {
  it('refuse a replay that would need them and say where one can begin; a run replays from its beginning', async () => {
    h.tell('first', 'r1');
    h.tell('second');
    h.tell('third');
    const db = new Database(h.file);
    db.exec('update events set at = 1 where run_id is null and seq = 2');
    db.close();
    await vi.waitFor(() => expect(h.store.events.trimmedTo(h.project.id)).toBe(2), { timeout: 20_000 });
    const client = await h.join();
    expect((await client.ask('subscribe', { since: 1 })).error).toMatchObject({
      message: expect.stringContaining('subscribe with since: 2') as string,
      data: { name: 'since_trimmed', status: 410, field: 'since', trimmed_to: 2 },
    });
    await client.call('subscribe', { since: 2 });
    await client.call('subscribe', { run: 'r1', since: 0 });
    await vi.waitFor(() => expect(client.notices('replay/synced')).toHaveLength(2), { timeout: 20_000 });
    expect(client.notices('ui/notify').map(({ text }) => text)).toEqual(['third', 'first']);
  });
});
