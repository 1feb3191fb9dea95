import { describe, expect, it } from 'vitest';
import { type Entry, RunModel, type RuntimeEvent, type StepState } from '../../../src/rpc/client/index.ts';
import { notifications } from '../../../src/rpc/protocol/notifications.ts';

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
const runAt = (status: number, more: object = {}) => ['run/state', { status, outcome: null, turn: 1, ...more }] as const;
const order: readonly StepState[] = ['queued', 'proposed', 'accepted', 'running', 'cancelling', 'done', 'failed', 'rejected', 'cancelled'];

/** Each event, and the state that it leaves a step in, by the state before it, in the order above. */
const TABLE: readonly (readonly [what: string, event: readonly [string, object], after: readonly StepState[]])[] = [
  ['a proposal', ['run/proposal', { turn: 1, action: 'sh', summary: 'make', attributes: { tool: 'sh' } }], ['proposed', ...order.slice(1)]],
  ['an accept', ['run/resolved', { status: 102, action: 'accept', by: 'cli' }], ['accepted', 'accepted', ...order.slice(2)]],
  ['a reject', ['run/resolved', { status: 403, action: 'reject', by: 'cli' }], order],
  ['an answer that fails it', ['run/resolved', { status: 500, action: 'error', by: 'cli' }], order],
  ['a start', ['stream/started', { command: 'make', runner: 'embedded', channels }], ['running', 'running', 'running', ...order.slice(3)]],
  ['a wait for input', ['stream/waiting', { since: 1, prompt: '? ' }], order],
  ['the end of a wait', ['stream/resumed', {}], order],
  ['a cancel', ['stream/cancelled', { reason: 'enough' }], ['cancelling', 'cancelling', 'cancelling', 'cancelling', ...order.slice(4)]],
  ['an end at 200', ended(200), ['done', 'done', 'done', 'done', 'done', ...order.slice(5)]],
  ['an end at 500', ended(500), ['failed', 'failed', 'failed', 'failed', 'failed', ...order.slice(5)]],
  ['an end at 499', ended(499), ['cancelled', 'cancelled', 'cancelled', 'cancelled', 'cancelled', ...order.slice(5)]],
  ['an end at 403', ended(403), ['rejected', 'rejected', 'rejected', 'rejected', 'rejected', ...order.slice(5)]],
  ['a change to 100', changedTo(100), order],
  ['a change to 202', changedTo(202), order],
  ['a change to 102', changedTo(102), order],
  ['a change to 499', changedTo(499), ['cancelled', 'cancelled', 'cancelled', 'cancelled', 'cancelled', ...order.slice(5)]],
  ['a change to 500', changedTo(500), ['failed', 'failed', 'failed', 'failed', 'failed', ...order.slice(5)]],
  ['a change to 200', changedTo(200), ['done', 'done', 'done', 'done', 'done', ...order.slice(5)]],
  ['a change to 403', changedTo(403), ['rejected', 'rejected', 'rejected', 'rejected', 'rejected', ...order.slice(5)]],
  ['a change to 409', changedTo(409), ['failed', 'failed', 'failed', 'failed', 'failed', ...order.slice(5)]],
  ['what it left', ['stream/leftover', { state: 'running', processes: [1], bytes: 0, limit: null }], order],
  ['the end of what it left', ['stream/leftover', { state: 'gone', processes: [], bytes: 9, limit: null }], order],
  ['a run that is at work', runAt(102, { loop: 1 }), order],
  ['a loop that is over', runAt(200, { loop: 1, result: 'Done.' }), order],
  ['a run that is aborted', runAt(499, { loop: 1 }), order],
  ['a run that is renamed', runAt(200, { renamed_from: 'old' }), order],
  ['a run that is deleted', runAt(499, { deleted: true }), order],
  ['a turn that goes on', ['run/progress', { turn: 1, phase: 'dispatching', text: 'Now.' }], order],
  ['words of the model', ['run/text', { turn: 1, offset: 0, text: 'No' }], order],
  ['a text of a plugin', ['ui/render', { text: 'x' }], order],
  ['a notice of a plugin', ['ui/notify', { level: 'warn', text: 'x' }], order],
  ['a rule', ['policy/changed', { change: 'added', rule: {} }], order],
  ['the end of a replay', ['replay/synced', { subscription: 1 }], order],
];
/** What goes to a subscription of a channel or to everybody, and is no event of a run. */
const NO_EVENTS = ['headgate/hello', 'stream/opened', 'stream/chunk', 'stream/gap', 'stream/closed'];

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

  it('is told of each event that there is', () => {
    const told = new Set(TABLE.map(([, [name]]) => name));
    const all = Object.keys(notifications).filter((name) => !NO_EVENTS.includes(name));
    expect(all.filter((name) => !told.has(name))).toEqual([]);
  });

  it('is gone with its entry, whatever its state was, and stays so until another one takes its path', () => {
    for (const state of order) {
      const model = new RunModel();
      STATES[state](model);
      tell(model, 'entry/changed', { status: 200, outcome: null, version: 2, removed: true });
      for (const [, [name, params]] of TABLE) if (name !== 'run/proposal' && name !== 'stream/started') tell(model, name, params);
      expect(model.step(PATH)).toBeUndefined();
    }
  });

  it.each(TABLE)('is not changed by an event of the past: %s', (_, [name, params]) => {
    if (name === 'replay/synced' || name === 'run/text') return;
    for (const state of order) {
      const model = new RunModel();
      STATES[state](model);
      tell(model, 'policy/changed', {});
      const before = JSON.stringify([model.items, model.run]);
      model.apply({ name, params: { run: 'r', path: PATH, ...params, seq } } as unknown as RuntimeEvent);
      expect(JSON.stringify([model.items, model.run])).toBe(before);
    }
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
