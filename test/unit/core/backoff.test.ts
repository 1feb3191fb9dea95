import { expect, test } from 'vitest';
import { Backoff } from '../../../src/core/backoff.ts';

test('pauses double up to the longest, and begin again after a success', () => {
  const pauses = new Backoff({ firstMs: 100, longestMs: 350 });
  expect(pauses.count).toBe(0);
  expect([pauses.next(), pauses.next(), pauses.next(), pauses.next()]).toEqual([100, 200, 350, 350]);
  expect(pauses.count).toBe(4);
  pauses.reset();
  expect(pauses.count).toBe(0);
  expect(pauses.next()).toBe(100);
  // Looking at the next one does not take it.
  expect([pauses.nextMs, pauses.nextMs, pauses.next()]).toEqual([200, 200, 200]);
});

test('the first pause is not longer than the longest', () => {
  expect(new Backoff({ firstMs: 250, longestMs: 40 }).next()).toBe(40);
});
