import { expect, test } from 'vitest';
import { deferred } from '../../../src/core/deferred.ts';
import { InTurn } from '../../../src/core/in-turn.ts';

test('work begins in the order of the calls, each once the one before it is settled', async () => {
  const turns = new InTurn();
  const first = deferred();
  const seen: string[] = [];
  const one = turns.run(async () => {
    seen.push('one begins');
    await first.promise;
    seen.push('one ends');
    return 1;
  });
  const two = turns.run(async () => {
    seen.push('two');
    return 2;
  });
  // Long enough for the second to begin, if it did not wait for the end of the first.
  await new Promise((resolve) => setImmediate(resolve));
  expect(seen).toEqual(['one begins']);
  first.resolve();
  expect(await Promise.all([two, one])).toEqual([2, 1]);
  expect(seen).toEqual(['one begins', 'one ends', 'two']);
});

test('a failure is told to its caller, and the next work is done all the same', async () => {
  const turns = new InTurn();
  const failing = turns.run(() => Promise.reject(new Error('no')));
  const next = turns.run(async () => 'done');
  await expect(failing).rejects.toThrow('no');
  expect(await next).toBe('done');
});
