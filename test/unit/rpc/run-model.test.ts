import { describe, expect, it } from 'vitest';
import { type Entry, RunModel, type RuntimeEvent, type StepState } from '../../../src/rpc/client/index.ts';

const PATH = 'log://turn_1/sh/make';
const channels = [{ channel: 1, path: 'sh://turn_1/make_1', bytes: 0, status: 102 }];
const entry = (status: number, more: Partial<Entry> = {}): Entry => ({
  path: PATH,
  turn: 1,
  status,
  outcome: null,
  body: '',
  bytes: 0,
  version: 1,
  attributes: { tool: 'sh', command: 'make', ...(status === 102 ? { channels: [1] } : {}) },
  ...more,
});

/** A step in each state, told as the server tells it. */
const STATES: Readonly<Record<StepState, (model: RunModel) => void>> = {
  queued: (model) => model.setEntry(entry(100)),
  proposed: (model) => model.setEntry(entry(202)),
  accepted: (model) => model.setEntry(entry(102, { attributes: { tool: 'sh', command: 'make' } })),
  running: (model) => model.setEntry(entry(102)),
  cancelling: (model) => {
    model.setEntry(entry(102));
    tell(model, 'stream/cancelled', { reason: null });
  },
  done: (model) => model.setEntry(entry(200)),
  failed: (model) => model.setEntry(entry(500)),
  rejected: (model) => model.setEntry(entry(403)),
  cancelled: (model) => model.setEntry(entry(499)),
};

let seq = 0;
function tell(model: RunModel, name: string, params: object): void {
  model.apply({ name, params: { seq: ++seq, run: 'r', path: PATH, ...params } } as unknown as RuntimeEvent);
}

const ended = (status: number) => ['stream/ended', { status, outcome: null, channels }] as const;
const changedTo = (status: number) => ['entry/changed', { status, outcome: null, version: 2 }] as const;
const order: readonly StepState[] = ['queued', 'proposed', 'accepted', 'running', 'cancelling', 'done', 'failed', 'rejected', 'cancelled'];

/** Each event, and the state that it leaves a step in, by the state before it, in the order above. */
const TABLE: readonly (readonly [what: string, event: readonly [string, object], after: readonly StepState[]])[] = [
  ['a proposal', ['run/proposal', { turn: 1, action: 'sh', summary: 'make', attributes: { tool: 'sh' } }], ['proposed', ...order.slice(1)]],
  ['an accept', ['run/resolved', { status: 102, action: 'accept', by: 'cli' }], ['accepted', 'accepted', ...order.slice(2)]],
  ['a reject', ['run/resolved', { status: 403, action: 'reject', by: 'cli' }], order],
  ['a start', ['stream/started', { command: 'make', runner: 'embedded', channels }], ['running', 'running', 'running', ...order.slice(3)]],
  ['a wait for input', ['stream/waiting', { since: 1, prompt: '? ' }], order],
  ['the end of a wait', ['stream/resumed', {}], order],
  ['a cancel', ['stream/cancelled', { reason: 'enough' }], ['cancelling', 'cancelling', 'cancelling', 'cancelling', ...order.slice(4)]],
  ['an end at 200', ended(200), ['done', 'done', 'done', 'done', 'done', ...order.slice(5)]],
  ['an end at 500', ended(500), ['failed', 'failed', 'failed', 'failed', 'failed', ...order.slice(5)]],
  ['an end at 499', ended(499), ['cancelled', 'cancelled', 'cancelled', 'cancelled', 'cancelled', ...order.slice(5)]],
  ['a change to 102', changedTo(102), order],
  ['a change to 200', changedTo(200), ['done', 'done', 'done', 'done', 'done', ...order.slice(5)]],
  ['a change to 403', changedTo(403), ['rejected', 'rejected', 'rejected', 'rejected', 'rejected', ...order.slice(5)]],
  ['a change to 409', changedTo(409), ['failed', 'failed', 'failed', 'failed', 'failed', ...order.slice(5)]],
  ['what it left', ['stream/leftover', { state: 'running', processes: [1], bytes: 0, limit: null }], order],
];

describe('{#run_model} an action', () => {
  it.each(TABLE)('is told of %s', (_, [name, params], after) => {
    const found = order.map((state) => {
      const model = new RunModel();
      STATES[state](model);
      expect(model.step(PATH)?.state).toBe(state);
      tell(model, name, params);
      return model.step(PATH)?.state;
    });
    expect(found).toEqual(after);
  });

  it('waits for input only while it runs', () => {
    for (const state of order) {
      const model = new RunModel();
      STATES[state](model);
      tell(model, 'stream/waiting', { since: 1, prompt: 'Name? ' });
      expect(model.step(PATH)?.waiting).toEqual(state === 'running' ? { prompt: 'Name? ' } : undefined);
      tell(model, 'stream/ended', { status: 200, outcome: null, channels });
      expect(model.step(PATH)?.waiting).toBeUndefined();
    }
  });

  it('{#action} has what its entry records, and nothing of another kind', () => {
    const model = new RunModel();
    const attributes = {
      tool: 'sh',
      command: 7,
      exit_code: '3',
      signal: null,
      channels: [1, 'x'],
      resolution: 'yes',
      leftover: [],
      own: 1,
    };
    model.setEntry(entry(102, { attributes, path: PATH }));
    expect(model.step(PATH)).toMatchObject({ tool: 'sh', title: PATH, exitCode: undefined, signal: undefined, by: undefined });
    expect(model.step(PATH)?.action).toMatchObject({ channels: [1], command: undefined, resolution: undefined, waiting: undefined });
  });
});

describe('{#run_model} entries', () => {
  it('of an older version, or that were removed, change nothing', () => {
    const model = new RunModel();
    model.setEntry(entry(200, { version: 3 }));
    model.setEntry(entry(102, { version: 2 }));
    expect(model.step(PATH)?.state).toBe('done');
    tell(model, 'entry/changed', { status: 200, outcome: null, version: 4, removed: true });
    model.setEntry(entry(200, { version: 4 }));
    expect(model.items).toEqual([]);
  });

  it('that a page which was not read has are left to that page', () => {
    const model = new RunModel();
    model.setPage([entry(200, { path: 'log://turn_9/sh/last' })], false);
    tell(model, 'entry/changed', { status: 200, outcome: null, version: 5 });
    tell(model, 'stream/started', { command: 'make', runner: 'embedded', channels });
    expect(model.items.map(({ id }) => id)).toEqual(['log://turn_9/sh/last']);
    model.setPage([entry(102, { version: 5 })], true);
    expect(model.items.map(({ id }) => id)).toEqual([PATH, 'log://turn_9/sh/last']);
  });
});
