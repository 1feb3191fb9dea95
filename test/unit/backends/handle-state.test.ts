import { expect, test } from 'vitest';
import { HandleState } from '../../../src/backends/handle-state.ts';

const EXIT = { exitCode: 0, signal: null };

test('what is still being read is not disposed of; what is closed, or let go of, is', () => {
  const closed = new HandleState();
  expect(() => closed.requireOver()).toThrow('the output is still being read');
  closed.exit(EXIT);
  expect(() => closed.requireOver()).toThrow('the output is still being read');
  closed.close({ detached: [] });
  closed.requireOver();
  const detached = new HandleState();
  detached.detach();
  detached.requireOver();
  expect(detached.isClosed).toBe(false);
});

test('the first end is the one that counts', async () => {
  const state = new HandleState();
  state.exit(EXIT);
  state.exit({ exitCode: null, signal: 'SIGKILL' });
  state.close({ detached: [7] });
  state.close({ detached: [] });
  expect(await state.exited).toEqual(EXIT);
  expect(await state.closed).toEqual({ detached: [7] });
});
