import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { SliceTurns } from '../../../src/core/slice-turns.ts';

/** Holds the thread. */
function spin(ms: number): void {
  for (const until = performance.now() + ms; performance.now() < until; );
}

it('{#no_pause} long slices of several pieces of work come one on a turn of the event loop, and each piece has its turn', async () => {
  const turns = new SliceTurns();
  const done: string[] = [];
  const work = async (name: string) => {
    for (let slice = 0; slice < 3; slice++) {
      await turns.next();
      done.push(name);
      await Promise.resolve();
      spin(5);
    }
  };
  const all = Promise.all(['a', 'b', 'c'].map(work));
  let before = 0;
  while (done.length < 9) {
    await nextTurn();
    expect(done.length - before).toBeLessThanOrEqual(1);
    before = done.length;
  }
  await all;
  expect(done.join('')).toBe('abcabcabc');
});

it('{#no_pause} short slices share a turn of the event loop', async () => {
  const turns = new SliceTurns();
  let done = 0;
  const work = async () => {
    for (let slice = 0; slice < 10; slice++) {
      await turns.next();
      done += 1;
    }
  };
  const all = Promise.all([work(), work()]);
  let loops = 0;
  while (done < 20) {
    await nextTurn();
    loops += 1;
  }
  await all;
  expect(loops).toBeLessThan(20);
});
