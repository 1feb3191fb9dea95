import { describe, expect, it } from 'vitest';
import { isEnd } from '../../../src/core/end-status.ts';
import { ENTRY_TABLE, LOOP_TABLE, PRODUCER_TABLE, RUN_TABLE, STATUSES } from '../../../src/model/status.ts';

const pairs = (table: Record<string, Record<string, unknown>>) =>
  Object.entries(table)
    .flatMap(([from, row]) => [...new Set(Object.values(row))].filter((to) => to !== null).map((to) => `${from}>${String(to)}`))
    .sort();

describe('{#run_states} {#loop_states} {#entry_states} {#producer_states} state tables', () => {
  it('a run takes exactly the transitions that the protocol names', () => {
    expect(pairs(RUN_TABLE)).toEqual(
      [
        '100>102',
        '100>499',
        '102>200',
        '102>202',
        '102>500',
        '102>499',
        '202>102',
        '202>200',
        '202>499',
        '200>102',
        '200>499',
        '500>102',
        '500>499',
        '499>102',
      ].sort(),
    );
  });

  it('a loop ends once', () => {
    expect(pairs(LOOP_TABLE)).toEqual(['100>102', '100>499', '102>200', '102>499', '102>500'].sort());
  });

  it('an entry that has ended stays as it is', () => {
    for (const [status, row] of Object.entries(ENTRY_TABLE)) {
      if (isEnd(Number(status))) expect(Object.values(row).every((next) => next === null)).toBe(true);
    }
    expect(ENTRY_TABLE[202]).toEqual({ propose: null, accept: 102, succeed: 200, reject: 403, fail: 500, cancel: 499, conflict: null });
  });

  it('a producer that is being killed can only end as cancelled', () => {
    expect(new Set(Object.values(PRODUCER_TABLE.cancelling).filter((state) => state !== null))).toEqual(new Set(['cancelled']));
    for (const state of ['ended', 'cancelled', 'aborted', 'failed', 'lost'] as const) {
      expect(Object.values(PRODUCER_TABLE[state]).every((next) => next === null)).toBe(true);
    }
  });
});

describe('{#statuses} statuses', () => {
  it('are the HTTP numbers that the protocol names, and all but 100, 102 and 202 are final', () => {
    expect([...STATUSES]).toEqual([100, 102, 200, 202, 400, 403, 404, 409, 413, 422, 499, 500, 501]);
    expect(STATUSES.filter((status) => !isEnd(status))).toEqual([100, 102, 202]);
  });
});
