import { setImmediate as nextTurn } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import type { HeadgateError } from '../../../src/core/errors.ts';
import { CALLER_LIMITS } from '../../../src/model/caller-limits.ts';
import type { Grant } from '../../../src/rpc/server/access.ts';
import { Turns, type Waiter } from '../../../src/rpc/server/session/turns.ts';

let now: number;
let turns: Turns;
/** Names of the connections whose calls were begun, in order. */
let begun: string[];
beforeEach(() => {
  now = 1000;
  begun = [];
  turns = new Turns({ now: () => now, monotonic: () => now }, CALLER_LIMITS);
});

/** A connection that has so many calls to begin, each of which holds the thread for so long, and what follows from it for so long again. */
function connection(
  name: string,
  {
    calls = 0,
    ms = 0,
    after = 0,
    held = 0,
    grant = {},
  }: Partial<Record<'calls' | 'ms' | 'after' | 'held', number>> & { grant?: Partial<Grant> },
): Waiter {
  let left = calls;
  const waiter: Waiter = {
    grant: { name: 'reader', scope: 'read', ...grant },
    heldBytes: () => held,
    next: () => {
      begun.push(name);
      now += ms;
      void followed(after);
      left -= 1;
      return left > 0;
    },
  };
  turns.join(waiter);
  return waiter;
}

const refusal = (waiter: Waiter): Pick<HeadgateError, 'kind' | 'data'> | undefined => {
  try {
    turns.admit(waiter);
    return undefined;
  } catch (error) {
    return error as HeadgateError;
  }
};
const followed = async (ms: number) => {
  await Promise.resolve();
  await Promise.resolve();
  now += ms;
};
const settled = async (count: number) => {
  for (let turn = 0; turn < 1000 && begun.length < count; turn++) await nextTurn();
};

describe('{#no_pause} the turns of connections', () => {
  it('begin what one asks for at once, while it is little', async () => {
    turns.ready(connection('a', { calls: 3, ms: 0.5 }));
    expect(begun).toEqual(['a']);
    // The others as soon as what follows from the one before is done: within the same turn of the event loop.
    await nextTurn();
    expect(begun).toEqual(['a', 'a', 'a']);
  });

  it('count what follows from a call, as the time of its connection alone', async () => {
    turns.ready(connection('slow', { calls: 3, after: 5 }));
    turns.ready(connection('quick', { calls: 50, after: 0.01 }));
    await settled(53);
    expect(begun).toEqual(['slow', ...Array.from({ length: 50 }, () => 'quick'), 'slow', 'slow']);
  });

  it('end after a few milliseconds, and let others begin before the rest of one that asks for much', async () => {
    turns.ready(connection('much', { calls: 100, ms: 1 }));
    const first = begun.length;
    expect(first).toBeLessThan(10);
    turns.ready(connection('little', { calls: 2, ms: 0.1 }));
    await settled(102);
    expect(begun).toHaveLength(102);
    // Both of its calls before the next of the one that asks for much.
    expect(begun.slice(first, first + 2)).toEqual(['little', 'little']);
  });

  it('bring one call of a connection whose calls are long, then those of the others', async () => {
    turns.ready(connection('long', { calls: 3, ms: 50 }));
    turns.ready(connection('short', { calls: 1, ms: 1 }));
    await settled(4);
    expect(begun).toEqual(['long', 'short', 'long', 'long']);
  });

  it('pass over a connection that has gone', async () => {
    const gone = connection('gone', { calls: 50, ms: 1 });
    turns.ready(gone);
    const before = begun.length;
    turns.leave(gone);
    turns.ready(connection('a', { calls: 1 }));
    await settled(before + 1);
    await nextTurn();
    expect(begun.slice(before)).toEqual(['a']);
  });
});

describe('{#caller_limits} the share of a token', () => {
  it('is refused beyond its time with when to try again, and a quarter of what passes is given back', () => {
    const one = connection('one', {});
    const other = connection('other', {});
    turns.used(one, CALLER_LIMITS.callMs);
    expect(refusal(one)).toBeUndefined();
    turns.used(one, 100);
    // Both connections have that token.
    for (const waiter of [one, other]) expect(refusal(waiter)).toMatchObject({ kind: 'overloaded', data: { retry_after_ms: 400 } });
    now += 399;
    expect(refusal(one)).toMatchObject({ kind: 'overloaded' });
    now += 1;
    expect(refusal(one)).toBeUndefined();
  });

  it('is that of its token alone, and the operator has all there is', () => {
    const greedy = connection('greedy', {});
    turns.used(greedy, 1_000_000);
    const operator = connection('operator', { grant: { name: 'admin', scope: 'admin' } });
    turns.used(operator, 1_000_000);
    expect(refusal(greedy)).toMatchObject({ kind: 'overloaded' });
    expect(refusal(operator)).toBeUndefined();
    expect(refusal(connection('another', { grant: { name: 'another' } }))).toBeUndefined();
  });

  it('outlasts a connection that ends and comes again', () => {
    const first = connection('first', {});
    turns.used(first, 1_000_000);
    turns.leave(first);
    expect(refusal(connection('again', {}))).toMatchObject({ kind: 'overloaded' });
  });

  it('is refused while responses of all its connections together are not read', () => {
    const half = CALLER_LIMITS.answerBytes / 2;
    const one = connection('one', { held: half });
    expect(refusal(one)).toBeUndefined();
    connection('other', { held: half + 1 });
    expect(refusal(one)).toMatchObject({ kind: 'overloaded' });
  });
});
