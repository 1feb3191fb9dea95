import { describe, expect, it } from 'vitest';
import { detailRows, receiptLines } from '../../../../src/cli/attach/detail-rows.ts';
import { timelineRows } from '../../../../src/cli/attach/item-rows.ts';
import { keyBar } from '../../../../src/cli/attach/keymap.ts';
import { type Entry, RunModel, type RuntimeEvent } from '../../../../src/rpc/client/index.ts';

const PATH = 'log://turn_1/sh/make';
let seq = 0;
const event = (name: string, params: object) => ({ name, params: { seq: ++seq, run: 'r', ...params } }) as unknown as RuntimeEvent;
const entry = (path: string, facts: Partial<Entry> = {}): Entry => ({
  path,
  turn: 1,
  status: 200,
  outcome: null,
  body: '',
  attributes: {},
  bytes: Buffer.byteLength(facts.body ?? ''),
  version: ++seq,
  ...facts,
});
const proposal = {
  path: PATH,
  action: 'sh',
  command: 'make',
  summary: '$ make',
  attributes: { tool: 'sh', command: 'make', remember: ['sh(make)'] },
  turn: 1,
};
const channels = [1, 2].map((channel) => ({ channel, path: `sh://turn_1/make_${channel}`, bytes: 0, status: 102 }));
const shown = (timeline: RunModel, columns = 60) =>
  timelineRows(timeline, columns, undefined, 5000).rows.map((row) =>
    row
      .map(({ text }) => text)
      .join('')
      .trimEnd(),
  );

/** A command that was proposed, accepted, and runs since second 1. */
function running(): RunModel {
  const timeline = new RunModel();
  timeline.apply(event('run/proposal', proposal));
  timeline.apply(event('stream/started', { path: PATH, command: 'make', backend: 'process', runner: 'embedded', channels }));
  timeline.apply(event('run/resolved', { path: PATH, status: 102, action: 'accept', by: 'cli:1' }));
  timeline.setEntry(
    entry(PATH, { status: 102, attributes: { tool: 'sh', command: 'make', channels: [1, 2], resolution: { by: 'cli:1' } } }),
  );
  timeline.setProducer({
    path: PATH,
    channels,
    backend: 'process',
    startedAt: 1000,
    endedAt: null,
    exit_code: null,
    signal: null,
  } as never);
  return timeline;
}

describe('{#attach_timeline} a timeline', () => {
  it('says of a command how it stands, from its proposal to its end', () => {
    const timeline = new RunModel();
    timeline.apply(event('run/proposal', proposal));
    expect(shown(timeline).at(-1)).toMatch(/^ {2}\? make +waits for you$/);
    expect(timeline.proposals).toHaveLength(1);

    const live = running();
    expect(live.proposals).toEqual([]);
    expect(shown(live).at(-1)).toMatch(/^ {2}\$ make +running, 4\.0 s$/);
    live.apply(event('stream/waiting', { path: PATH, since: 0, prompt: 'Name? ' }));
    expect(shown(live).at(-1)).toMatch(/waits for input, 4\.0 s$/);
    live.apply(event('stream/ended', { path: PATH, status: 500, outcome: 'exit:3', channels, exit_code: 3 }));
    live.setEntry(
      entry(PATH, {
        status: 500,
        outcome: 'exit:3',
        attributes: { tool: 'sh', command: 'make', exit_code: 3, duration_ms: 4200, channels: [1, 2] },
      }),
    );
    expect(shown(live).at(-1)).toMatch(/^ {2}! make +exit 3, 4\.2 s$/);
    expect(live.running).toEqual([]);
  });

  it('{#detached} says of a command that has ended that it has left something running, which can be ended', () => {
    const timeline = running();
    const leftover = { since: 1, processes: [41, 42], bytes: 0, ends: { 1: 0 } };
    const attributes = { tool: 'sh', command: 'make', exit_code: 0, duration_ms: 4200, channels: [1, 2], leftover };
    expect(
      timeline.apply(event('stream/leftover', { path: PATH, state: 'running', processes: [41, 42], bytes: 0, limit: null })),
    ).toMatchObject({ entry: PATH });
    timeline.setEntry(entry(PATH, { attributes }));
    expect(shown(timeline).at(-1)).toMatch(/^ {2}\$ make +exit 0, leftover, 4\.2 s$/);
    const step = timeline.step(PATH)!;
    const text = (rows: readonly (readonly { text: string }[])[]) => rows.map((row) => row.map((one) => one.text).join('')).join('\n');
    expect(text(detailRows(step, 80, 5000))).toContain('2 processes of it run on in the background (pid 41, 42)');
    expect(text([keyBar(step, false, { answers: true, mayAct: true })])).toContain('cancel what it left');
    expect(timeline.running).toEqual([]);
    timeline.setEntry(entry(PATH, { attributes: { ...attributes, leftover: { ...leftover, processes: [], gone_at: 2 } } }));
    expect(shown(timeline).at(-1)).toMatch(/exit 0, 4\.2 s$/);
    expect(text(detailRows(timeline.step(PATH)!, 80, 5000))).toContain('what it had left running has ended');
  });

  it('has each thing once, whatever tells it first', () => {
    const timeline = running();
    timeline.apply(event('run/proposal', proposal));
    timeline.setPage([entry(PATH, { status: 102, attributes: { tool: 'sh', command: 'make', channels: [1, 2] } })], true);
    expect(timeline.items).toHaveLength(1);
    expect(timeline.step(PATH)?.state).toBe('running');
  });

  it('puts entries of a run in order, prompts behind the turn before', () => {
    const timeline = new RunModel();
    timeline.setPage(
      [
        entry('prompt://loop_1/user', { turn: 0, body: 'look' }),
        entry('prompt://loop_1/system', { turn: 1, body: 'You are' }),
        entry('log://turn_1/model/text', { body: 'I look.' }),
        entry('log://turn_1/env/ls', { attributes: { tool: 'env', command: 'ls', exit_code: 0, channels: [1, 2] } }),
        entry('prompt://loop_2/user', { turn: 1, body: 'and now?' }),
        entry('log://turn_2/model/text', { turn: 2, body: 'Well.' }),
      ],
      true,
    );
    expect(shown(timeline)).toEqual([
      '  » look',
      'turn 1',
      '  I look.',
      expect.stringMatching(/^ {2}\$ ls +exit 0$/),
      '  » and now?',
      'turn 2',
      '  Well.',
    ]);
  });

  it('keeps the place of a prompt whose text comes after what it led to', () => {
    const timeline = new RunModel();
    const path = 'prompt://loop_1/user';
    expect(timeline.apply(event('entry/changed', { path, version: 1 }))).toEqual({ entry: path });
    timeline.apply(event('run/proposal', proposal));
    expect(timeline.items.map(({ id }) => id)).toEqual([PATH]);
    timeline.setEntry(entry(path, { turn: 0, body: 'make it' }));
    expect(timeline.items.map(({ id }) => id)).toEqual([path, PATH]);
  });

  it('shows what the model says while it says it, and the whole of it when a piece was missed', () => {
    const timeline = new RunModel();
    const say = (offset: number, text: string) => timeline.apply(event('run/text', { turn: 1, offset, text }));
    say(0, 'Grü');
    say(4, 'ße ');
    expect(shown(timeline)).toEqual(['turn 1', '  Grüße']);
    say(20, 'later');
    expect(shown(timeline)).toEqual(['turn 1', '  Grüße']);
    timeline.apply(event('run/progress', { turn: 1, phase: 'dispatching', text: 'Grüße an alle' }));
    say(0, 'late');
    timeline.apply(
      event('run/progress', {
        turn: 1,
        phase: 'done',
        text: 'Grüße an alle',
        usage: { inputTokens: 7, outputTokens: 2, cachedTokens: 0 },
        cost: null,
      }),
    );
    expect(shown(timeline)).toEqual(['turn 1  7 tokens in, 2 out', '  Grüße an alle']);
  });

  it('says why a loop failed, what a plugin tells people, and how the run ended', () => {
    const timeline = new RunModel();
    timeline.setPage([entry('log://turn_1/model/model_config', { status: 500, body: 'The model has no key.' })], true);
    timeline.apply(event('ui/notify', { level: 'warn', text: 'nearly full' }));
    timeline.apply(event('run/state', { status: 500, outcome: 'model_config', turn: 1 }));
    expect(shown(timeline)).toEqual(['turn 1', '  The model has no key.', '  warn: nearly full', '  error: the run: model config']);
  });

  it('asks for the entry behind an event only where the timeline shows it', () => {
    const timeline = new RunModel();
    const changed = (path: string, more: object = {}) =>
      timeline.apply(event('entry/changed', { path, status: 200, outcome: null, version: 1, ...more }));
    expect(changed(PATH)).toEqual({ entry: PATH });
    expect(changed('prompt://loop_1/message_1')).toEqual({ entry: 'prompt://loop_1/message_1' });
    expect(changed('sh://turn_1/make_1')).toEqual({});
    expect(changed('prompt://loop_1/system')).toEqual({});
    expect(changed(PATH, { removed: true })).toEqual({});
  });

  it('keeps names and commands of others from the terminal', () => {
    const timeline = new RunModel();
    timeline.apply(event('run/proposal', { ...proposal, command: 'make \u001b[2J\u202e' }));
    timeline.apply(event('ui/notify', { level: 'warn', text: 'dis\u001b]0;x\u0007k' }));
    for (const item of timeline.items)
      for (const row of detailRows(item, 60, 0)) for (const { text } of row) expect(text).not.toMatch(/[\u0000-\u001f\u202e]/);
    for (const row of shown(timeline)) expect(row).not.toMatch(/[\u0000-\u001f\u202e]/);
  });
});

describe('{#attach_keys} what is offered', () => {
  const keys = (timeline: RunModel, mayAct = true) =>
    keyBar(timeline.step(PATH), false, { answers: true, mayAct })
      .map(({ text }) => text)
      .join('')
      .trim();

  it('follows what is selected', () => {
    const timeline = new RunModel();
    timeline.apply(event('run/proposal', proposal));
    expect(keys(timeline)).toMatch(/^a accept {2}r reject {2}m accept and remember {2}Enter/);
    expect(keys(running())).toMatch(/^c cancel {2}i input {2}s signal/);
  });

  it('has no input where the command was given none', () => {
    const timeline = new RunModel();
    const plan = { backend: 'process', spec: { command: 'make', stdin: false } };
    timeline.setEntry(entry(PATH, { status: 102, attributes: { tool: 'sh', command: 'make', channels: [1, 2], plan } }));
    expect(timeline.step(PATH)?.takesInput).toBe(false);
    expect(keys(timeline)).toMatch(/^c cancel {2}s signal/);
  });

  it('a receipt says who asked, what was sent, and what is gone', () => {
    const receipt = {
      requestedBy: 'cli:1',
      reason: null,
      requestedAt: 1000,
      signals: [{ signal: 'SIGTERM', at: 1004, pids: [7, 8] }],
      confirmedDead: [7, 8],
      escaped: [],
      finishedAt: 2000,
    };
    expect(receiptLines(receipt)).toEqual([
      'cancel asked for by cli:1; SIGTERM to 2 after 4 ms',
      '2 processes confirmed gone, none escaped',
    ]);
    expect(receiptLines({ ...receipt, escaped: [9] })[1]).toContain('escaped: pid 9');
  });
});
