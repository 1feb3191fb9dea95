import { afterEach, describe, expect, it } from 'vitest';
import type { Plugin } from '../../../src/hooks/plugin.ts';
import { methods, notifications } from '../../../src/rpc/protocol/table.ts';
import { memoryPair } from '../../../src/rpc/server/transports/memory.ts';
import { OWN_PREFIXES } from '../../../src/runtime/plugin-methods.ts';
import { type RpcHarness, rpcHarness, TestPeer } from '../../support/rpc-harness.ts';

let h: RpcHarness;
afterEach(() => h.close());

const gauges: Plugin = {
  name: 'gauges',
  setup({ method, z }) {
    method({
      name: 'count',
      description: 'Counts the words of an entry.',
      params: z.strictObject({ run: z.string(), path: z.string() }),
      result: z.strictObject({ words: z.int() }),
      scope: 'read',
      handler: ({ run, path }, { entries }) => {
        const entry = entries(run).get(path);
        if (!entry) throw Object.assign(new Error(`no ${path}`), { kind: 'not_found' });
        return { words: entry.body.split(/\s+/).length };
      },
    });
    method({
      name: 'note',
      description: 'Writes a note.',
      params: z.strictObject({ run: z.string() }),
      scope: 'run',
      handler: ({ run }, { write, client, project }) => write(run, { path: 'known://note', body: `${client} in ${project.name}` }).path,
    });
    const bad = { params: z.strictObject({}), description: 'd', scope: 'read' as const };
    method({ ...bad, name: 'throws', handler: () => Promise.reject(new Error('the river is dry')) });
    method({ ...bad, name: 'lies', result: z.string(), handler: () => 1 });
    method({ ...bad, name: 'big', handler: () => 1n });
    method({
      ...bad,
      name: 'sneaks',
      params: z.strictObject({ run: z.string() }),
      handler: ({ run }, { write }) => write(run as string, { path: 'known://x' }),
    });
    method({ ...bad, name: 'fences', handler: () => Promise.reject(Object.assign(new Error('x'), { kind: 'stale_epoch' })) });
    method({ ...bad, name: 'nothing', handler: () => undefined });
  },
};

describe("{#plugin_methods} a plugin's methods", () => {
  it('are called by their full names, read and write the runs of the project, and tell everybody', async () => {
    h = await rpcHarness({ plugins: [gauges] });
    const [peer, other] = [await h.join('run', 'alice'), await h.join('read', 'bob')];
    const run = h.run.alias;
    expect(await peer.call('gauges/note', { run })).toBe('known://note');
    expect((await peer.call('get', { run, path: 'known://note' }))['body']).toBe(`alice in ${h.project.name}`);
    await other.until(({ method, params }) => method === 'entry/changed' && params?.['path'] === 'known://note');
    expect(await other.call('gauges/count', { run, path: 'known://note' })).toEqual({ words: 3 });
    expect(await other.call('gauges/nothing')).toBeNull();
  });

  it('{#own_runs} are not for a token that is bound to its own runs: what a plugin tells of runs is its own business', async () => {
    h = await rpcHarness({ plugins: [gauges] });
    const { channel, peer } = memoryPair();
    h.server.accept(channel, { name: 'ci', scope: 'run', ownRuns: 'hash' });
    const ci = new TestPeer(peer);
    await ci.call('init', { name: h.project.name, projectRoot: h.project.root });
    for (const [method, params] of [['gauges/note', { run: h.run.alias }] as const, ['gauges/nothing', {}] as const]) {
      expect((await ci.ask(method, params)).error).toMatchObject({
        message: expect.stringContaining('bound to the runs'),
        data: { name: 'forbidden' },
      });
    }
  });

  it.each([
    ['gauges/count', { path: 'known://x' }, 'invalid_params', /run/, { field: 'run' }],
    ['gauges/count', { run: 'r', path: 'known://x', more: 1 }, 'invalid_params', /more: unknown param/, { field: 'more' }],
    ['gauges/count', { run: 'nope', path: 'known://x' }, 'not_found', /no run "nope"/, { plugin: 'gauges' }],
    ['gauges/count', { run: 'RUN', path: 'known://x' }, 'not_found', /^no known:\/\/x$/, { plugin: 'gauges' }],
    ['gauges/throws', {}, 'internal', /gauges\/throws of plugin "gauges" failed: the river is dry/, { plugin: 'gauges' }],
    ['gauges/lies', {}, 'internal', /returned a value that its result schema does not allow/, { plugin: 'gauges' }],
    ['gauges/big', {}, 'internal', /BigInt/, { plugin: 'gauges' }],
    ['gauges/sneaks', { run: 'RUN' }, 'forbidden', /scope read, so it writes nothing/, {}],
    ['gauges/fences', {}, 'internal', /failed: x/, { plugin: 'gauges' }],
    ['gauges/none', {}, 'method_not_found', /discover lists them/, {}],
  ])('%s %j is refused as %s', async (method, params, name, message, facts) => {
    h = await rpcHarness({ plugins: [gauges] });
    const peer = await h.join();
    const run = 'run' in params && params.run === 'RUN' ? { run: h.run.alias } : {};
    const { error } = await peer.ask(method, { ...params, ...run });
    expect(error).toMatchObject({ message: expect.stringMatching(message) as string, data: { name, ...facts } });
  });

  it('need the project and the scope that they say', async () => {
    h = await rpcHarness({ plugins: [gauges] });
    expect((await h.connect().ask('gauges/nothing')).error?.data).toMatchObject({ name: 'not_initialized' });
    const peer = await h.join('read');
    expect((await peer.ask('gauges/note', { run: h.run.alias })).error?.data).toMatchObject({ name: 'forbidden', scope: 'run' });
  });

  it('are in discover and in the OpenRPC document', async () => {
    h = await rpcHarness({ plugins: [gauges] });
    const peer = h.connect();
    const { methods: listed } = await peer.call<{ methods: Record<string, unknown> }>('discover');
    expect(listed['gauges/count']).toMatchObject({
      summary: 'Counts the words of an entry.',
      scope: 'read',
      init: true,
      params: { required: ['run', 'path'] },
      result: { properties: { words: { type: 'integer' } } },
    });
    const { methods: documented } = await peer.call<{ methods: { name: string }[] }>('rpc.discover');
    expect(documented.map(({ name }) => name)).toContain('gauges/count');
  });

  it.each([
    ['stream', { name: 'cancel' }, /"stream\/" are the server's own/],
    ['Word Gauge', {}, /"Word Gauge" does not/],
    ['odd', { name: 'No-name' }, /outside letters/],
    ['odd', { scope: 'root' }, /must be read, run or admin/],
    ['odd', { params: 1 }, /./],
    ['odd', { handler: 1 }, /has no handler/],
  ])('of plugin %s with %j leave the plugin out', async (plugin, wrong, message) => {
    const odd: Plugin = {
      name: plugin,
      setup: ({ method, z }) =>
        method({ name: 'x', description: 'd', params: z.strictObject({}), scope: 'read', handler: () => 1, ...wrong } as never),
    };
    h = await rpcHarness({ plugins: [odd] });
    expect(h.runtime.plugins()[0]?.error).toMatch(message);
    expect(h.runtime.pluginMethods.size).toBe(0);
  });

  it('can never have a first part that the protocol uses', () => {
    const used = [...Object.keys(methods), ...Object.keys(notifications)]
      .filter((name) => name.includes('/'))
      .map((name) => name.split('/')[0]);
    expect([...new Set(used)].filter((prefix) => !OWN_PREFIXES.has(prefix!))).toEqual([]);
  });
});
