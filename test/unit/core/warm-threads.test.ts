import { expect, test } from 'vitest';
import { WarmThreads } from '../../../src/core/warm-threads.ts';

/** Replies with its number; `spin` keeps it busy for good, `fail` ends it. */
const MODULE = new URL(
  `data:text/javascript,${encodeURIComponent(`
    import { parentPort, threadId } from 'node:worker_threads';
    parentPort.on('message', (message) => {
      if (message === 'fail') throw new Error('it fails');
      while (message === 'spin');
      parentPort.postMessage(threadId);
    });
  `)}`,
);
const never = new AbortController().signal;

test('{#no_pause} a thread is kept for the next piece of work, and another one begins beside it', async () => {
  const threads = new WarmThreads<string, number>(MODULE, { name: 'test' });
  const first = await threads.lend((ask) => ask('which'), never);
  expect(await threads.lend((ask) => ask('which'), never)).toBe(first);
  const both = await Promise.all([threads.lend((ask) => ask('which'), never), threads.lend((ask) => ask('which'), never)]);
  expect(both).toContain(first);
  expect(new Set(both).size).toBe(2);
});

test('{#no_pause} a thread that is busy or fails is ended with the reason, and the next one is another', async () => {
  const threads = new WarmThreads<string, number>(MODULE, { name: 'test' });
  const first = await threads.lend((ask) => ask('which'), never);
  const abort = new AbortController();
  const spinning = threads.lend((ask) => ask('spin'), abort.signal);
  abort.abort(new Error('too long'));
  await expect(spinning).rejects.toThrow('too long');
  await expect(threads.lend((ask) => ask('fail'), never)).rejects.toThrow('it fails');
  expect(await threads.lend((ask) => ask('which'), never)).not.toBe(first);
  await expect(threads.lend((ask) => ask('which'), AbortSignal.abort(new Error('not wanted')))).rejects.toThrow('not wanted');
});
