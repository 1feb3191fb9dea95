import { afterEach, describe, expect, it } from 'vitest';
import { deferred } from '../../../src/core/deferred.ts';
import type { Plugin } from '../../../src/hooks/plugin.ts';
import type { ProducerDefinition, ProducerIo } from '../../../src/hooks/producer.ts';
import { type RuntimeHarness, runtimeHarness } from './harness.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const PATH = 'log://turn_1/gauge/gauge-it';
type Started = { io: ProducerIo; input: Readonly<Record<string, unknown>> };

/** A plugin with one kind, `gauge`, and a tool that proposes it; `starts` are the calls of its start. */
function gaugePlugin(definition: Partial<ProducerDefinition> & Pick<ProducerDefinition, 'start'>, spec: object = {}) {
  const starts: Started[] = [];
  const plugin: Plugin = {
    name: 'gauges',
    setup({ producer, tool, z }) {
      producer({
        kind: 'gauge',
        channels: { 1: 'values', 2: 'notes', 3: 'sums' },
        ...definition,
        start: (input, io) => {
          starts.push({ io, input });
          return definition.start(input, io);
        },
      });
      tool({
        name: 'gauge',
        doc: 'd',
        params: z.looseObject({}),
        summary: () => 'gauge it',
        handler: (input) => ({
          kind: 'proposal',
          summary: 'gauge it',
          subject: 'the river',
          yieldMs: 60_000,
          producer: { backend: 'gauge', runner: 'server', spec: { input, ...spec } },
        }),
      });
    },
  };
  return { plugin, starts };
}

async function opened(plugin: Plugin, options: object = {}): Promise<RuntimeHarness> {
  const h = await runtimeHarness({ more: [plugin], ...options });
  closers.push(h.close);
  return h;
}

/** Lets the model call the tool in a yolo run; returns the end of the loop. */
function run(h: RuntimeHarness, settings: object = { yolo: true }) {
  h.model.answer({ kind: 'say', calls: [{ name: 'gauge', args: '{"path":"gauge it","depth":3}' }] }, { kind: 'say', text: 'ok' });
  return h.runtime.prompt(h.caller(), 'act', { prompt: 'x', model: 'm', wait: true, ...settings });
}

const body = (h: RuntimeHarness, channel: number) => h.entry('m-1', `gauge://turn_1/gauge-it_${channel}`).body;
const runId = (h: RuntimeHarness) => h.runtime.requireRun(h.sight, 'm-1').id;
const untilAborted = (signal: AbortSignal) => new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));

describe('{#plugin_producers} a producer of a plugin', () => {
  it('is proposed, runs in the server once it is accepted, fills its channels and ends with what it says', async () => {
    const { plugin, starts } = gaugePlugin({
      start: async (input, io) => {
        await io.write(1, `depth ${String(input['depth'])}\n`);
        await io.write(3, new Uint8Array([0, 255]));
        return { body: 'all read', outcome: 'calm' };
      },
    });
    const h = await opened(plugin);
    const ended = run(h, {});
    const { payload } = await h.event('run/proposal');
    expect(payload).toMatchObject({ path: PATH, action: 'gauge', summary: 'gauge it (gauge in the server)' });
    expect(starts).toEqual([]);
    h.runtime.resolve(h.caller(), 'm-1', { path: PATH, action: 'accept' });
    await ended;
    expect(h.entry('m-1', PATH)).toMatchObject({ status: 200, outcome: 'calm', attributes: { subject: 'the river', exit_code: 0 } });
    expect(h.entry('m-1', PATH).body).toMatch(
      /^gauge it\nexit 0 after .*\nvalues: 8 bytes in gauge:.*\nnotes: 0 bytes in .*\nsums: 2 bytes in .*\nall read$/,
    );
    expect(body(h, 1)).toBe('depth 3\n');
    expect(h.events.map(({ type }) => type).filter((type) => /^(run\/proposal|run\/res|stream)/.test(type))).toEqual([
      'run/proposal',
      'run/resolved',
      'stream/started',
      'stream/ended',
    ]);
    expect(h.events.find(({ type }) => type === 'stream/started')?.payload).toMatchObject({
      backend: 'gauge',
      runner: 'server',
      command: 'gauge it',
    });
  });

  const endings: [string, ProducerDefinition['start'], object, RegExp][] = [
    ['another exit code', async () => ({ exitCode: 3 }), { status: 500, outcome: 'exit:3' }, /exit 3/],
    ['an exit code and an outcome', async () => ({ exitCode: 1, outcome: 'http:404' }), { status: 500, outcome: 'http:404' }, /exit 1/],
    ['a throw', () => Promise.reject(new Error('the river is dry')), { status: 500, outcome: 'failed' }, /the river is dry/],
    ['nothing', async () => undefined, { status: 200, outcome: null }, /exit 0/],
    ['an exit code that is none', async () => ({ exitCode: 1.5 }), { status: 500, outcome: 'failed' }, /whole number from 0 to 255/],
  ];
  it.each(endings)('that ends with %s', async (_, start, entry, text) => {
    const h = await opened(gaugePlugin({ start }).plugin);
    await run(h);
    expect(h.entry('m-1', PATH)).toMatchObject(entry);
    expect(h.entry('m-1', PATH).body).toMatch(text);
  });

  it('has everything stored that it wrote, in order and also when it did not wait, before its end is told', async () => {
    const { plugin } = gaugePlugin({
      start: async (_, io) => {
        for (let i = 0; i < 500; i++) void io.write(1, `${i}\n`);
        await expect(io.write(4, 'x')).rejects.toMatchObject({ kind: 'not_found' });
        return {};
      },
    });
    const h = await opened(plugin);
    await run(h);
    expect(body(h, 1)).toBe(Array.from({ length: 500 }, (_, i) => `${i}\n`).join(''));
  });

  it('may not let more wait than 16 MiB', async () => {
    let refused: unknown;
    const { plugin } = gaugePlugin({
      start: async (_, io) => {
        const all = [1, 2, 3].map(() => io.write(1, Buffer.alloc(8 * 1024 * 1024, 'x')));
        refused = (await Promise.allSettled(all)).find(({ status }) => status === 'rejected');
        return {};
      },
    });
    const h = await opened(plugin);
    await run(h);
    expect(refused).toMatchObject({ reason: { kind: 'overloaded', message: expect.stringContaining('await each write') as string } });
    expect(h.entry('m-1', 'gauge://turn_1/gauge-it_1')).toMatchObject({ bytes: 16 * 1024 * 1024 });
  });

  it('is cancelled by aborting its signal, with a receipt, and writes nothing any more', async () => {
    const late = deferred<unknown>();
    const { plugin } = gaugePlugin({
      start: async (_, io) => {
        await io.write(1, 'before\n');
        await untilAborted(io.signal);
        late.resolve(await io.write(1, 'after\n').catch((error: unknown) => error));
        return {};
      },
    });
    const h = await opened(plugin);
    const ended = run(h);
    await h.event('stream/started');
    while (body(h, 1) === '') await new Promise((resolve) => setImmediate(resolve));
    await expect(h.streams.signal(runId(h), PATH, 'INT')).rejects.toMatchObject({ kind: 'unsupported' });
    await expect(h.streams.input(runId(h), PATH, Buffer.from('x'))).rejects.toMatchObject({ kind: 'unsupported' });
    h.streams.cancel(runId(h), PATH, { by: 'tester', reason: 'enough' });
    await ended;
    expect(await late.promise).toMatchObject({ kind: 'stream_closed' });
    expect(h.entry('m-1', PATH)).toMatchObject({ status: 499, outcome: 'cancelled' });
    expect(body(h, 1)).toBe('before\n');
    while (h.streams.receipt(runId(h), PATH).state !== 'cancelled') await new Promise((resolve) => setImmediate(resolve));
    expect(h.streams.receipt(runId(h), PATH).receipt).toMatchObject({
      requestedBy: 'tester',
      reason: 'enough',
      signals: [{ signal: 'abort', pids: [] }],
      finishedAt: expect.any(Number) as number,
    });
  });

  it('is let go of when it does not stop, and the receipt says so', async () => {
    const stuck = deferred<undefined>();
    closers.push(async () => stuck.resolve(undefined));
    const h = await opened(gaugePlugin({ start: () => stuck.promise }).plugin);
    const ended = run(h);
    await h.event('stream/started');
    h.streams.cancel(runId(h), PATH, { by: 'tester', reason: null, graceMs: 20 });
    await ended;
    while (h.streams.receipt(runId(h), PATH).state !== 'cancelled') await new Promise((resolve) => setImmediate(resolve));
    expect(h.streams.receipt(runId(h), PATH).receipt?.signals.map(({ signal }) => signal)).toEqual(['abort', 'abandon']);
    expect(h.lines).toContainEqual(expect.objectContaining({ plugin: 'gauges', kind: 'gauge', graceMs: 20 }));
  });

  it('is ended by its time limit', async () => {
    const { plugin } = gaugePlugin({ start: async (_, io) => void (await untilAborted(io.signal)) as undefined }, { timeoutMs: 30 });
    const h = await opened(plugin);
    await run(h);
    expect(h.entry('m-1', PATH)).toMatchObject({ status: 500, outcome: 'timeout' });
    expect(h.streams.receipt(runId(h), PATH).receipt).toMatchObject({ requestedBy: 'timeout' });
  });

  it('reads what people type, where its kind takes input', async () => {
    const { plugin } = gaugePlugin({
      input: true,
      start: async (_, io) => {
        for await (const bytes of io.input) await io.write(1, `got ${bytes.toString()}`);
        return {};
      },
    });
    const h = await opened(plugin);
    const ended = run(h);
    await h.event('stream/started');
    expect(await h.streams.input(runId(h), PATH, Buffer.from('one\n'), { eof: true })).toEqual({ offset: 0, bytes: 4 });
    await ended;
    expect(body(h, 1)).toBe('got one\n');
  });

  it('is lost with a restart of the server, says what to do, and is not run twice', async () => {
    const { plugin, starts } = gaugePlugin({
      start: async (_, io) => {
        await io.write(1, 'half');
        await untilAborted(io.signal);
        throw io.signal.reason;
      },
    });
    const h = await opened(plugin);
    void run(h).catch(() => undefined);
    await h.event('stream/started');
    while (body(h, 1) === '') await new Promise((resolve) => setImmediate(resolve));
    await h.restart(() => undefined);
    await h.event('stream/ended');
    expect(h.entry('m-1', PATH)).toMatchObject({ status: 500, outcome: 'lost' });
    expect(h.entry('m-1', PATH).body).toMatch(/the server was restarted while "gauge" ran in it.*ask for it again/);
    expect(body(h, 1)).toBe('half');
    expect(starts).toHaveLength(1);
  });

  it('goes on after a restart at its stored offsets when its kind is resumable, and reads back what it wrote', async () => {
    const all = 'abcdefghij';
    const { plugin, starts } = gaugePlugin({
      resumable: true,
      start: async (_, io) => {
        const from = io.offsets[1] ?? 0;
        await io.write(1, all.slice(from, from + 4));
        if (from === 0) {
          await untilAborted(io.signal);
          throw io.signal.reason;
        }
        await io.write(2, io.read(1, 2, 3));
        return {};
      },
    });
    const h = await opened(plugin);
    void run(h).catch(() => undefined);
    await h.event('stream/started');
    while (body(h, 1) === '') await new Promise((resolve) => setImmediate(resolve));
    await h.restart();
    await h.event('stream/ended');
    expect(h.entry('m-1', PATH)).toMatchObject({ status: 200 });
    expect([body(h, 1), body(h, 2)]).toEqual(['abcdefgh', 'cde']);
    expect(starts.map(({ io }) => [io.resumed, io.offsets])).toEqual([
      [false, { 1: 0, 2: 0, 3: 0 }],
      [true, { 1: 4, 2: 0, 3: 0 }],
    ]);
  });

  it('is lost when its plugin is gone after a restart', async () => {
    const h = await opened(
      gaugePlugin({ resumable: true, start: async (_, io) => void (await untilAborted(io.signal)) as undefined }).plugin,
    );
    void run(h).catch(() => undefined);
    await h.event('stream/started');
    while (h.streams.view(runId(h), PATH).producer.state !== 'running') await new Promise((resolve) => setImmediate(resolve));
    await h.restart(undefined, undefined, { bundled: [] });
    await h.event('stream/ended');
    expect(h.entry('m-1', PATH)).toMatchObject({ status: 500, outcome: 'lost' });
    expect(h.entry('m-1', PATH).body).toContain('load the plugin that had it');
  });

  it('is run by nobody else than the server or the client that accepts it', async () => {
    const h = await opened(gaugePlugin({ start: async () => undefined }).plugin);
    void run(h, {}).catch(() => undefined);
    await h.event('run/proposal');
    const accept = (runner: string) => h.runtime.resolve(h.caller(), 'm-1', { path: PATH, action: 'accept', runner });
    expect(() => accept('laptop')).toThrow(/leave runner out/);
    expect(accept('client')).toMatchObject({ status: 102 });
    const command = h.runtime.command(h.caller(), 'sh', { run: 'm-1', command: 'ls', runner: 'server' });
    await expect(command).rejects.toMatchObject({ kind: 'invalid_params', facts: { field: 'runner' } });
    h.runtime.abort(h.caller(), 'm-1');
  });

  it('that reaches out is refused where the sandbox of the server has no network', async () => {
    const { plugin, starts } = gaugePlugin({ network: true, start: async () => undefined });
    const h = await opened(plugin, { sandbox: { mode: 'workspace', network: false, others: [] } });
    await run(h);
    expect(h.entry('m-1', PATH)).toMatchObject({ status: 403, outcome: 'forbidden' });
    expect(starts).toEqual([]);
  });

  it.each([
    [{ backend: 'nothing' }, /no plugin has; those there are: .*gauge/],
    [{ channels: [1, 7] }, /proposed channel 7 of "gauge", which has 1, 2, 3/],
    [{ spec: { input: 'text' } }, /spec.input for "gauge" is no object/],
  ])('with a plan %j fails its action with what is wrong', async (more, text) => {
    const { plugin } = gaugePlugin({ start: async () => undefined });
    const wrong: Plugin = {
      name: 'wrong',
      setup: ({ tool, z }) =>
        tool({
          name: 'wrong',
          doc: 'd',
          params: z.looseObject({}),
          handler: () => ({
            kind: 'proposal',
            summary: 's',
            producer: { backend: 'gauge', runner: 'server', spec: { input: {} }, ...more } as never,
          }),
        }),
    };
    const h = await opened(plugin, { more: [plugin, wrong] });
    h.model.answer({ kind: 'say', calls: [{ name: 'wrong', args: '{}' }] }, { kind: 'say', text: 'ok' });
    await h.runtime.prompt(h.caller(), 'act', { prompt: 'x', model: 'm', wait: true });
    expect(h.entry('m-1', 'log://turn_1/wrong/wrong')).toMatchObject({ status: 500, outcome: 'tool_failed' });
    expect(h.entry('m-1', 'log://turn_1/wrong/wrong').body).toMatch(text);
  });

  it('of a kind that is there already, or has the name of a backend, leaves its plugin out', async () => {
    const { plugin } = gaugePlugin({ start: async () => undefined });
    const other = (name: string, kind: string): Plugin => ({
      name,
      setup: ({ producer }) => producer({ kind, start: async () => undefined }),
    });
    const h = await opened(plugin, { more: [plugin, other('again', 'gauge'), other('shell', 'process'), other('odd', 'No!')] });
    expect(
      h.runtime
        .plugins()
        .slice(-3)
        .map(({ error }) => error),
    ).toEqual([
      'producer kind "gauge" is there already, from plugin "gauges"',
      'producer kind "process" is the name of a backend',
      'producer kind "No!" is outside a-z, 0-9 and _',
    ]);
  });
});
