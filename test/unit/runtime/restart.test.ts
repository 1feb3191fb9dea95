import { access, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type RuntimeHarness, runtimeHarness } from './harness.ts';

let h: RuntimeHarness;
beforeEach(async () => {
  h = await runtimeHarness();
});
afterEach(() => h.close());

const sh = (command: string, more: object = {}) => ({ name: 'sh', args: JSON.stringify({ command, ...more }) });
const start = (params: object = {}) => h.runtime.prompt(h.caller(), 'act', { prompt: 'x', model: 'm', ...params });
const loopEnd = (status: number) => h.event('run/state', { loop: 1, status });
const result = (request: number) => String(h.model.requests[request]!.body.messages.filter(({ role }) => role === 'tool').at(-1)?.content);

describe('{#loop_restart} a loop that a restart interrupted', () => {
  it('asks the model again when it had not answered in full', async () => {
    h.model.answer({ kind: 'hang' });
    await start();
    await h.model.received(1);
    h.model.answer({ kind: 'say', text: 'Here again.' });
    await h.restart();
    expect((await loopEnd(200)).payload).toMatchObject({ result: 'Here again.', turn: 1 });
  });

  it('still waits for its proposal, which is listed and answered once', async () => {
    h.model.answer({ kind: 'say', calls: [sh('echo after')] }, { kind: 'say', text: 'ok' });
    await start();
    const { payload } = await h.event('run/proposal');
    const path = String(payload['path']);
    await h.restart();
    expect((await h.runtime.proposals(h.sight)).map((proposal) => proposal.path)).toEqual([path]);
    expect(h.runtime.requireRun(h.sight, 'm-1').status).toBe(202);
    h.runtime.resolve(h.caller(), 'm-1', { path, action: 'accept' });
    expect(() => h.runtime.resolve(h.caller('other'), 'm-1', { path, action: 'reject' })).toThrow(
      expect.objectContaining({ kind: 'proposal_resolved' }),
    );
    await loopEnd(200);
    expect(result(1)).toContain('after');
  });

  it('goes on with a command that ran meanwhile, and has all of its output', async () => {
    h.model.answer(
      { kind: 'say', calls: [sh('echo one; while [ ! -e go ]; do sleep 0.02; done; echo two; exit 4', { yield_ms: 600000 })] },
      { kind: 'say', text: 'ok' },
    );
    await start({ yolo: true });
    await h.event('stream/started');
    await h.restart(() => writeFile(join(h.root, 'go'), ''));
    await loopEnd(200);
    expect(result(1)).toMatch(/exit:4.*\none\ntwo/s);
  });

  it('takes up its recorded actions at the first that has not been done, and repeats none', async () => {
    h.model.answer(
      { kind: 'say', calls: [sh('echo x >> count'), sh('true'), { name: 'set', args: '{"path":"known://a","body":"1"}' }] },
      { kind: 'say', text: 'ok' },
    );
    await start();
    const { payload } = await h.event('run/proposal');
    h.runtime.resolve(h.caller(), 'm-1', { path: String(payload['path']), action: 'accept' });
    const second = await h.event('run/proposal', { command: 'true' });
    await h.restart();
    h.runtime.resolve(h.caller(), 'm-1', { path: String(second.payload['path']), action: 'accept' });
    await loopEnd(200);
    expect(await readFile(join(h.root, 'count'), 'utf8')).toBe('x\n');
    expect(h.entry('m-1', 'known://a').body).toBe('1');
    expect(h.model.requests).toHaveLength(2);
  });

  it('completes an accept with output that a crash left half done', async () => {
    h.model.answer({ kind: 'say', calls: [sh('make')] }, { kind: 'say', text: 'ok' });
    await start();
    const { payload } = await h.event('run/proposal');
    const path = String(payload['path']);
    const run = h.runtime.requireRun(h.sight, 'm-1');
    // What the store holds when the server dies between the answer and the storing of its output.
    await h.restart(
      () => {},
      () => {
        const entry = h.store.entries.get(run.id, path)!;
        h.store.transaction('durable', () => {
          h.store.entries.update(entry.id, {
            status: 102,
            attributes: { ...entry.attributes, channels: [1], resolution: { action: 'accept', by: 'a', at: 1, output: 'by hand' } },
          });
          h.store.entries.create({
            runId: run.id,
            path: 'sh://turn_1/make_1',
            category: 'data',
            status: 102,
            turn: 1,
            writer: 'client',
            attributes: { producer: path },
          });
          h.store.producers.create({
            entryId: entry.id,
            backend: 'process',
            runner: 'client',
            spec: { command: 'make', cwd: h.root, env: {}, stdin: false },
          });
          h.store.producers.update(entry.id, { state: 'running' });
          h.store.runs.setStatus(run.id, 102, null);
        });
        h.streams.reconcile();
      },
    );
    await loopEnd(200);
    expect(h.entry('m-1', path)).toMatchObject({ status: 200 });
    expect(result(1)).toContain('by hand');
  });

  it('keeps what is queued behind it', async () => {
    h.model.answer({ kind: 'hang' });
    await start();
    await h.model.received(1);
    await start({ prompt: 'second', run: 'm-1', model: undefined });
    h.model.answer({ kind: 'say', text: 'one' }, { kind: 'say', text: 'two' });
    await h.restart();
    await h.event('run/state', { loop: 2, status: 200 });
    expect(h.runtime.runInfo(h.sight, 'm-1').loops.map(({ result: text }) => text)).toEqual(['one', 'two']);
  });
});

describe('{#run_abort} run/abort', () => {
  it('ends the loop and what is queued behind it with 499, and cancels the request to the model', async () => {
    h.model.answer({ kind: 'hang' });
    const first = h.runtime.prompt(h.caller(), 'act', { prompt: 'x', model: 'm', wait: true });
    await h.model.received(1);
    const second = h.runtime.prompt(h.caller(), 'act', { prompt: 'y', run: 'm-1', wait: true });
    expect(h.runtime.abort(h.caller(), 'm-1')).toEqual({ run: 'm-1', status: 499 });
    expect(await first).toMatchObject({ status: 499, outcome: 'aborted' });
    expect(await second).toMatchObject({ status: 499, outcome: 'aborted' });
    for (const loop of [1, 2]) await h.event('run/state', { loop, status: 499, outcome: 'aborted' });
    h.model.answer({ kind: 'say', text: 'alive' });
    expect(await h.runtime.prompt(h.caller(), 'act', { prompt: 'z', run: 'm-1', wait: true })).toMatchObject({
      status: 200,
      result: 'alive',
    });
    // A prompt that was dropped from the queue was never asked, so later turns do not show it.
    expect(h.model.requests.at(-1)!.body.messages.map(({ content }) => content)).not.toContain('y');
    expect(h.model.abandoned).toBe(1);
  });

  it('ends a waiting proposal with 499 aborted, which nobody can accept any more', async () => {
    h.model.answer({ kind: 'say', calls: [sh('touch x'), sh('touch y')] });
    await start();
    const { payload } = await h.event('run/proposal');
    const path = String(payload['path']);
    h.runtime.abort(h.caller(), 'm-1');
    expect(h.entry('m-1', path)).toMatchObject({ status: 499, outcome: 'aborted' });
    expect(h.entry('m-1', 'log://turn_1/sh/touch-y')).toMatchObject({ status: 499, outcome: 'aborted' });
    expect(() => h.runtime.resolve(h.caller(), 'm-1', { path, action: 'accept' })).toThrow(
      expect.objectContaining({ kind: 'proposal_resolved', facts: expect.objectContaining({ terminal_status: 499 }) as object }),
    );
    expect(await h.runtime.proposals(h.sight)).toEqual([]);
    await expect(access(join(h.root, 'x'))).rejects.toThrow();
  });

  it('cancels the command that its turn waits for', async () => {
    h.model.answer({ kind: 'say', calls: [sh('sleep 300', { yield_ms: 600000 })] });
    await start({ yolo: true });
    const { payload } = await h.event('stream/started');
    h.runtime.abort(h.caller('alice'), 'm-1');
    const run = h.runtime.requireRun(h.sight, 'm-1');
    expect(h.entry('m-1', String(payload['path']))).toMatchObject({ status: 499, outcome: 'cancelled' });
    expect(h.streams.receipt(run.id, String(payload['path'])).receipt).toMatchObject({
      requestedBy: 'alice',
      reason: 'the run was aborted',
    });
  });

  it('of a run that is at rest marks it 499, and a second one changes nothing', async () => {
    h.model.answer({ kind: 'say', text: 'ok' });
    await h.runtime.prompt(h.caller(), 'act', { prompt: 'x', model: 'm', wait: true });
    expect(h.runtime.abort(h.caller(), 'm-1').status).toBe(499);
    expect(h.runtime.abort(h.caller(), 'm-1').status).toBe(499);
  });
});
