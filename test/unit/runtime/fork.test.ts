import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type RuntimeHarness, runtimeHarness } from './harness.ts';

let h: RuntimeHarness;
beforeEach(async () => {
  h = await runtimeHarness();
});
afterEach(() => h.close());

const act = (prompt: string, more: object = {}) => h.runtime.prompt(h.caller(), 'act', { prompt, model: 'm', wait: true, ...more });
const shown = (request: number) => h.model.requests[request]!.body.messages.map(({ role, content }) => `${role}: ${String(content)}`);

describe('{#run_fork} a copy of a run', () => {
  it('goes on from what the run knows, and the two part', async () => {
    h.model.answer(
      { kind: 'say', calls: [{ name: 'sh', args: '{"command":"echo from the first"}' }] },
      { kind: 'say', text: 'Said.' },
      { kind: 'say', text: 'In the copy.' },
      { kind: 'say', text: 'In the first.' },
    );
    await act('first', { yolo: true });
    expect(await h.runtime.fork(h.caller(), 'm-1')).toEqual({ run: 'm-1-fork', status: 200 });
    expect(await h.runtime.fork(h.caller(), 'm-1')).toMatchObject({ run: 'm-1-fork-2' });
    expect(await h.runtime.fork(h.caller(), 'm-1-fork', 'named')).toMatchObject({ run: 'named' });
    await act('in the copy', { run: 'm-1-fork' });
    expect(shown(2).slice(0, shown(1).length)).toEqual(shown(1));
    expect(shown(2).at(-1)).toBe('user: in the copy');
    expect(shown(2).join()).toContain('from the first');
    await act('in the first', { run: 'm-1' });
    expect(shown(3).join()).not.toContain('in the copy');
    expect(h.runtime.context(h.sight, 'named', { turn: 1, body: true })).toEqual({
      ...h.runtime.context(h.sight, 'm-1', { turn: 1, body: true }),
      run: 'named',
    });
    await expect(h.runtime.fork(h.caller(), 'm-1', 'named')).rejects.toThrow(/exists already/);
  });

  it('has no part in what runs and waits in the first, also after a restart', async () => {
    const run = h.runtime.startRun(h.caller(), { model: 'm', alias: 'r', yolo: true });
    const command = 'echo begun; read line; echo "got $line"';
    const { path } = await h.runtime.command(h.caller(), 'sh', { run: 'r', command, yield_ms: 0 });
    const [channel] = h.streams.channelsOf(h.store.entries.get(run.id, path)!);
    while (h.store.channels.head(h.store.entries.get(run.id, channel!.path)!.id).bytes < 6) await new Promise((done) => setImmediate(done));
    h.runtime.configure(h.caller(), 'r', { yolo: false });
    const waits = await h.runtime.command(h.caller(), 'sh', { run: 'r', command: 'touch ran' });
    await h.runtime.fork(h.caller(), 'r', 'copy');
    expect(h.entry('copy', channel!.path)).toMatchObject({ status: 499, outcome: 'forked', body: 'begun\n' });
    expect(h.entry('copy', waits.path)).toMatchObject({ status: 499, outcome: 'forked' });
    expect(() => h.runtime.resolve(h.caller(), 'copy', { path: waits.path, action: 'accept' })).toThrow(/499 forked/);
    await h.restart();
    expect(h.runtime.runInfo(h.sight, 'copy').producers).toEqual([]);
    expect(h.entry('r', channel!.path)).toMatchObject({ status: 102 });
    await h.streams.input(run.id, path, Buffer.from('on\n'), { eof: true });
    await h.event('stream/ended', { run: 'r', path });
    expect(h.entry('r', channel!.path)).toMatchObject({ status: 200, body: 'begun\ngot on\n' });
    expect(h.entry('copy', channel!.path)).toMatchObject({ body: 'begun\n' });
    expect((await h.runtime.proposals(h.sight)).map(({ run: alias }) => alias)).toEqual(['r']);
  });

  it('is prompted in the transaction that makes it, and not made of half a turn', async () => {
    h.model.answer({ kind: 'say', text: 'one' }, { kind: 'say', text: 'two' }, { kind: 'hang' });
    await act('x');
    expect(await act('y', { run: 'm-1', fork: true })).toMatchObject({ run: 'm-1-fork', status: 200, result: 'two' });
    expect(h.runtime.runInfo(h.sight, 'm-1').loops).toHaveLength(1);
    await h.runtime.prompt(h.caller(), 'act', { prompt: 'z', run: 'm-1' });
    const before = h.runtime.listRuns(h.sight).length;
    await expect(h.runtime.fork(h.caller(), 'm-1')).rejects.toThrow(/run\/abort/);
    await expect(act('w', { run: 'm-1', fork: true })).rejects.toMatchObject({ kind: 'conflict' });
    expect(h.runtime.listRuns(h.sight)).toHaveLength(before);
  });
});
