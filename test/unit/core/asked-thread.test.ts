import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Worker } from 'node:worker_threads';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { AskedThread } from '../../../src/core/asked-thread.ts';

const folder = mkdtempSync(join(tmpdir(), 'headgate-thread-'));
const module = join(folder, 'doubles.mjs');
writeFileSync(
  module,
  `import { parentPort } from 'node:worker_threads';
  parentPort.on('message', ({ id, question }) => {
    if (question === 'hang') for (;;);
    if (question === 'fail') throw new Error('cannot be doubled');
    parentPort.postMessage({ id, reply: question * 2 });
  });`,
);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const threadOf = (silenceMs: number, restartMs: number, file = module) =>
  new AskedThread<number | string, number>({ module: pathToFileURL(file), worker: { name: 'doubles' }, silenceMs, restartMs });

describe('{#no_pause} a thread that is asked', () => {
  it('replies to each question in its order, and is started once', async () => {
    const started = vi.fn();
    process.on('worker', started);
    const thread = threadOf(20_000, 0);
    const order: number[] = [];
    const questions = Array.from({ length: 50 }, (_, at) => at);
    const replies = await Promise.all(questions.map((at) => thread.ask(at).then((reply) => (order.push(at), reply))));
    process.off('worker', started);
    expect(replies).toEqual(questions.map((at) => at * 2));
    expect(order).toEqual(questions);
    expect(started).toHaveBeenCalledTimes(1);
  });

  it('gives up what takes too long or fails, and goes on with the next question in a new thread', async () => {
    const thread = threadOf(700, 0);
    const ended = vi.fn();
    const replies = await Promise.all([thread.ask('hang', ended), thread.ask(1), thread.ask('fail', ended), thread.ask(2)]);
    expect(replies).toEqual([undefined, 2, undefined, 4]);
    expect(ended.mock.calls.map(([cause]) => (cause as Error).message)).toEqual(['it took longer than 700 ms', 'cannot be doubled']);
  });

  it('is not started again before its time', async () => {
    const thread = threadOf(20_000, 1_000);
    const ended = vi.fn();
    expect(await thread.ask('fail', ended)).toBeUndefined();
    expect(await thread.ask(1, ended)).toBeUndefined();
    expect(ended).toHaveBeenCalledTimes(1);
    await vi.waitFor(async () => expect(await thread.ask(1)).toBe(2), { timeout: 20_000, interval: 50 });
  });

  it('replies undefined where its module cannot be loaded', async () => {
    const ended = vi.fn();
    expect(await threadOf(20_000, 0, join(folder, 'missing.mjs')).ask(1, ended)).toBeUndefined();
    expect(ended).toHaveBeenCalledTimes(1);
  });

  it('that ends while nobody asks is started again by the next question', async () => {
    const thread = threadOf(20_000, 0);
    const begun = once(process, 'worker') as Promise<[Worker]>;
    expect(await thread.ask(1)).toBe(2);
    const [worker] = await begun;
    await worker.terminate();
    expect(await thread.ask(2)).toBe(4);
  });
});
