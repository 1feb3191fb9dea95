import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type RuntimeHarness, runtimeHarness } from './harness.ts';

let h: RuntimeHarness;
beforeEach(async () => {
  h = await runtimeHarness({ limits: { wakes: 2 } });
});
afterEach(() => h.close());

const call = (name: string, input: object) => ({ kind: 'say' as const, calls: [{ name, args: JSON.stringify(input) }] });
const say = (text: string) => ({ kind: 'say' as const, text });
const act = (params: object = {}) => h.runtime.prompt(h.caller(), 'act', { prompt: 'x', model: 'm', yolo: true, ...params });
const loopEnd = (loop: number, status = 200) => h.event('run/state', { loop, status });
const release = (file = 'go') => writeFile(join(h.root, file), '');
const held = (file = 'go') => `: job; while [ ! -e ${file} ]; do sleep 0.02; done; echo the output`;
const job = (file = 'go', more: object = {}) => call('sh', { command: held(file), yield_ms: 0, wake: true, ...more });
const loops = () => h.runtime.runInfo(h.sight, 'm-1').loops;
const prompts = (index: number) => h.model.requests[index]!.body.messages.map(({ content }) => String(content)).join('\n');
const ended = (path: string) => h.event('stream/ended', { path });
const PATH = 'log://turn_1/sh/job-while-e-go-do-sleep-0-02-done-echo';

describe('{#wake} a command that wakes its run', () => {
  it("queues a loop by itself when it ends after the loop, with that one's mode, model and settings", async () => {
    h.model.answer(job(), say('started'), say('seen'));
    await act({ temperature: 0.5 });
    await loopEnd(1);
    await release();
    await loopEnd(2);
    expect(loops()[1]).toMatchObject({
      loop: 2,
      mode: 'act',
      result: 'seen',
      prompt: expect.stringMatching(/^log:\/\/turn_1\/sh\/job\S+ has ended: exit 0 after .*\nYou asked to be woken/) as string,
    });
    expect(h.entry('m-1', 'prompt://loop_2/user').attributes).toEqual({ by: 'server' });
    expect(h.entry('m-1', PATH).attributes['woke']).toBe(2);
    expect(prompts(2)).toContain('the output');
    expect(h.model.requests[2]!.body['temperature']).toBe(0.5);
  });

  it('wakes once: not for one that the loop waited for, nor for one whose end a turn has been told of', async () => {
    h.model.answer(call('sh', { command: 'echo quick', wake: true }), job(), call('wait', {}), say('done'));
    await act();
    await h.model.received(3);
    await release();
    await loopEnd(1);
    expect(loops()).toHaveLength(1);
  });

  it('wakes for one that ended while the loop was there but had no more turns', async () => {
    h.model.answer(job(), { kind: 'hang' });
    await act();
    await h.model.received(2);
    await release();
    await ended(PATH);
    expect(loops()).toHaveLength(1);
    // The turn is asked again and its answer is given without a look at the news: what counts is that it was told.
    h.model.answer(say('done'));
    await h.restart();
    await loopEnd(1);
    expect(loops()).toHaveLength(1);
    expect(prompts(2)).toContain('has ended');
  });

  it('wakes after the loop whose last turn began before the end', async () => {
    const gate = release;
    h.model.answer(job(), say('done'), say('woken'));
    // The end comes within the transaction of nobody: the loop is over or not, one loop is queued.
    await act();
    await h.model.received(2);
    await gate();
    await loopEnd(2);
    expect(loops().map(({ result }) => result)).toEqual(['done', 'woken']);
  });

  it('names all that ended in one loop, when a loop was in the way', async () => {
    h.model.answer(
      {
        kind: 'say',
        calls: [1, 2].map((n) => ({ name: 'sh', args: JSON.stringify({ command: held(`go${n}`), yield_ms: 0, wake: true }) })),
      },
      say('started'),
    );
    await act();
    await loopEnd(1);
    h.model.answer({ kind: 'hang' });
    await act({ run: 'm-1', model: undefined });
    await h.model.received(3);
    await release('go1');
    await release('go2');
    await h.event('stream/ended', { path: 'log://turn_1/sh/job-while-e-go1-do-sleep-0-02-done-echo' });
    await h.event('stream/ended', { path: 'log://turn_1/sh/job-while-e-go2-do-sleep-0-02-done-echo' });
    expect(loops()).toHaveLength(2);
  });

  it('is queued once also when the server goes away and comes back, and when the end falls into that time', async () => {
    h.model.answer(job(), say('started'));
    await act();
    await loopEnd(1);
    h.model.answer(say('seen'));
    await h.restart(() => release());
    await loopEnd(2);
    await h.restart();
    expect(loops().map(({ result }) => result)).toEqual(['started', 'seen']);
  });

  it('does not wake a run that somebody has aborted; the end is told with the next prompt', async () => {
    h.model.answer(job(), say('started'));
    await act();
    await loopEnd(1);
    h.runtime.abort(h.caller(), 'm-1');
    await release();
    await ended(PATH);
    expect(loops()).toHaveLength(1);
    h.model.answer(say('told'));
    await act({ run: 'm-1', model: undefined, wait: true });
    expect(prompts(2)).toContain(`A command of yours has ended, ${PATH}`);
    expect(loops()).toHaveLength(2);
  });

  it('ends a chain of wakes at its limit, says so in the log, and begins again with a prompt of a person', async () => {
    h.model.answer(job('go0'), say('0'), job('go1'), say('1'), job('go2'), say('2'));
    await act();
    for (const n of [0, 1, 2]) {
      await loopEnd(n + 1);
      await release(`go${n}`);
    }
    const { payload } = await h.event('entry/changed', { outcome: 'wakes' });
    expect(h.entry('m-1', String(payload['path']))).toMatchObject({
      status: 499,
      body: expect.stringContaining('woken 2 times in a row') as string,
    });
    expect(loops()).toHaveLength(3);
    h.model.answer(job('go4'), say('3'), say('4'));
    await act({ run: 'm-1', model: undefined, wait: true });
    await release('go4');
    await loopEnd(5);
    expect(loops()).toHaveLength(5);
  });

  it('without it nobody is woken, and the end is told in the next turn', async () => {
    h.model.answer(job('go', { wake: undefined }), say('started'));
    await act();
    await loopEnd(1);
    await release();
    await ended(PATH);
    expect(loops()).toHaveLength(1);
    h.model.answer(say('told'));
    await act({ run: 'm-1', model: undefined, wait: true });
    expect(prompts(2)).toContain(`A command of yours has ended, ${PATH}`);
  });
});
