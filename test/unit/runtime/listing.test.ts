import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type RpcHarness, rpcHarness } from '../../support/rpc-harness.ts';

const ENTRIES = 3000;

let h: RpcHarness;
beforeEach(async () => {
  h = await rpcHarness();
  h.store.transaction('fast', () => {
    for (let n = 0; n < ENTRIES; n++) {
      const path = `known://${n % 3 === 0 ? 'third' : 'other'}/${n}`;
      h.store.entries.create({ runId: h.run.id, path, category: 'knowledge', status: 200, body: `${n}`, turn: 0, writer: 'test' });
    }
  });
});
afterEach(() => h.close());

/** How many entries the store hands over for a listing, and what the client gets. */
async function listed(params: object): Promise<{ read: number; paths: string[] }> {
  const { entries } = h.store;
  const list = entries.list.bind(entries);
  let read = 0;
  entries.list = (filter) => {
    const rows = list(filter);
    read += rows.length;
    return rows;
  };
  const client = await h.join();
  const rows = await client.call<{ path: string }[]>('getEntries', { run: 'r1', ...params });
  entries.list = list;
  return { read, paths: rows.map(({ path }) => path) };
}

describe('{#entries} getEntries of a run with very many entries', () => {
  it('reads no more entries than it answers, with and without a pattern', async () => {
    for (const params of [{}, { pattern: '**' }, { pattern: 'known://third/**' }, { pattern: 'known://*/?*' }]) {
      expect(await listed({ ...params, limit: 100 }), JSON.stringify(params)).toMatchObject({ read: 100, paths: { length: 100 } });
    }
    expect(await listed({ pattern: 'sh://**' })).toEqual({ read: 0, paths: [] });
    expect((await listed({})).read).toBe(200);
  });

  it('reads no bodies when none are asked for, and 16 MiB of them at most, the rest marked as truncated', async () => {
    const body = 'x'.repeat(4 * 1024 * 1024);
    h.store.transaction('fast', () => {
      for (let n = 0; n < 6; n++)
        h.store.entries.create({
          runId: h.run.id,
          path: `known://large/${n}`,
          category: 'knowledge',
          status: 200,
          body,
          turn: 0,
          writer: 'test',
        });
    });
    const client = await h.join();
    const rows = await client.call<{ body: string; truncated?: true }[]>('getEntries', { run: 'r1', pattern: 'known://large/*' });
    expect(rows.map((row) => [row.body.length, row.truncated])).toEqual([
      ...Array.from({ length: 4 }, () => [64 * 1024, true]),
      [0, true],
      [0, true],
    ]);
    const light = await client.call<{ body: string; truncated?: true }[]>('getEntries', {
      run: 'r1',
      pattern: 'known://large/*',
      body: false,
    });
    expect(light.map((row) => [row.body, row.truncated])).toEqual(Array.from({ length: 6 }, () => ['', undefined]));
  });

  it('answers page after page every entry once, in order of creation', async () => {
    const wanted = Array.from({ length: ENTRIES / 3 }, (_, n) => `known://third/${n * 3}`);
    const found: string[] = [];
    for (let offset = 0; offset < wanted.length; offset += 300) {
      found.push(...(await listed({ pattern: 'known://third/*', limit: 300, offset })).paths);
    }
    expect(found).toEqual(wanted);
  });

  it('answers the last ones, and page before page back to the first', async () => {
    const wanted = Array.from({ length: ENTRIES / 3 }, (_, n) => `known://third/${n * 3}`);
    const pattern = 'known://third/*';
    const found: string[] = [];
    while (found.length < wanted.length) {
      const before = found.length === 0 ? {} : { before: found[0] };
      const { read, paths } = await listed({ pattern, newest: true, limit: 300, ...before });
      expect(read).toBe(paths.length);
      found.unshift(...paths);
    }
    expect(found).toEqual(wanted);
    expect((await listed({ pattern, newest: true, offset: 2, limit: 3 })).paths).toEqual(wanted.slice(-5, -2));
    expect((await listed({ pattern, before: wanted[4], limit: 2 })).paths).toEqual(wanted.slice(0, 2));
    await expect(listed({ before: 'known://none' })).rejects.toThrow('no entry known://none in run r1');
    await expect(listed({ run: undefined, before: 'known://third/0' })).rejects.toThrow('give "run" as well');
  });
});
