import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { KillReceipt } from '../../../src/model/records.ts';
import { Connection, harness, settled } from './harness.ts';

let h: Awaited<ReturnType<typeof harness>>;
let id: number;
let path: string;
beforeEach(async () => {
  h = await harness();
  const entry = h.accept('a', 'embedded');
  ({ id, path } = entry);
  h.streams.link.started(id, 1, { pid: 1 });
});
afterEach(async () => {
  h.streams.close();
  await h.close();
});

const entryOf = () => h.store.entries.get(h.run.id, path)!;
const write = (offset: number, text: string, channel = 1, epoch = 1) =>
  h.streams.link.append(id, epoch, channel, offset, Buffer.from(text));
const read = (channel = 1) => h.streams.read({ runId: h.run.id, path, channel });
const end = () => h.streams.link.completed(id, 1, { exitCode: 0, signal: null, durationMs: 5, detached: [41, 42], followed: true });
const told = () => h.events.filter(({ type }) => type === 'stream/leftover').map(({ payload }) => payload);
const receipt = (more: Partial<KillReceipt> = {}): KillReceipt => {
  const facts = { requestedBy: 'vi', reason: null, requestedAt: 1, signals: [{ signal: 'SIGTERM', at: 2, pids: [41] }] };
  return { ...facts, confirmedDead: [41], escaped: [], finishedAt: 3, ...more };
};

describe('{#detached} a leftover', () => {
  it('is of a producer that has ended for everybody, and is listed with its processes', async () => {
    await write(0, 'started\n');
    await end();
    expect(entryOf()).toMatchObject({ status: 200, outcome: 'detached' });
    const [row] = h.streams.list({ runId: h.run.id, state: 'leftover' });
    expect(row?.producer).toMatchObject({ state: 'ended', leftover: { pids: [41, 42], ends: { 1: 8, 2: 0 }, limit: null, goneAt: null } });
    expect(h.streams.list({ runId: h.run.id, state: 'live' })).toEqual([]);
    expect(h.streams.list({ runId: h.run.id, state: 'open' })).toHaveLength(1);
    expect(told()).toEqual([{ run: 'r1', path, state: 'running', processes: [41, 42], bytes: 0, limit: null }]);
  });

  it('is none where the runner brings nothing after the end, which says so as before', async () => {
    await h.streams.link.completed(id, 1, { exitCode: 0, signal: null, durationMs: 5, detached: [41] });
    expect(entryOf().body).toContain('output no longer followed: pid 41');
    expect(h.streams.list({ runId: h.run.id, state: 'leftover' })).toEqual([]);
    await expect(write(0, 'late')).rejects.toMatchObject({ kind: 'stream_closed' });
  });

  it('has what it writes stored once and in order on the same channels, and readers see where the end was', async () => {
    await write(0, 'started\n');
    await end();
    await write(8, 'la');
    await write(8, 'late\n');
    await write(0, 'err\n', 2);
    await expect(write(99, 'gap')).rejects.toMatchObject({ kind: 'offset_conflict', facts: { expected: 13 } });
    expect(read()).toMatchObject({ data: Buffer.from('started\nlate\n'), end: 8, status: 200 });
    expect(read(2)).toMatchObject({ data: Buffer.from('err\n'), end: 0 });
    await expect(write(13, 'older', 1, 0)).rejects.toMatchObject({ kind: 'stale_epoch' });
  });

  it('ends the subscriptions that were open at the end of the command; a later one reads what has come since', async () => {
    await write(0, 'started\n');
    const before = new Connection();
    before.buffered = 2 ** 30;
    const slow = h.streams.subscribe({ projectId: h.run.projectId, runId: h.run.id, path }, 'start', 1, before);
    await end();
    await write(8, 'late\n');
    before.buffered = 0;
    slow.pump();
    await settled();
    expect([before.bytes(1).toString(), before.ends.length]).toEqual(['started\n', 1]);
    const after = new Connection();
    h.streams.subscribe({ projectId: h.run.projectId, runId: h.run.id, path, channel: 1 }, 8, 2, after).pump();
    await settled();
    expect([after.bytes(1, 8).toString(), after.ends.length]).toEqual(['late\n', 1]);
  });

  it('is told when it has reached a limit, and when it is gone, and the log entry has it', async () => {
    await write(0, 'started\n');
    await end();
    await write(8, 'late\n');
    h.streams.link.left(id, 1, { pids: [42], limit: 'bytes', gone: false });
    expect(entryOf().attributes['leftover']).toMatchObject({ processes: [42], bytes: 5, limit: 'bytes' });
    h.streams.link.left(id, 1, { pids: [], limit: null, gone: true });
    expect(entryOf().attributes['leftover']).toMatchObject({ processes: [], bytes: 5, gone_at: expect.any(Number) });
    // Records of what models were shown quote it.
    expect(entryOf().body).toContain('2 processes of it still run (pid 41, 42); what is written from here on is stored behind');
    expect(told().map(({ state, bytes, limit }) => [state, bytes, limit])).toEqual([
      ['running', 0, null],
      ['running', 5, 'bytes'],
      ['gone', 5, 'bytes'],
    ]);
    expect(h.streams.list({ runId: h.run.id, state: 'open' })).toEqual([]);
    expect(read()).toMatchObject({ end: 8, bytes: 13 });
    await expect(write(13, 'more')).rejects.toMatchObject({ kind: 'stream_closed' });
  });

  it('is not told of when only its processes change, which the listing says', async () => {
    await end();
    h.streams.link.left(id, 1, { pids: [43], limit: null, gone: false });
    expect(told()).toHaveLength(1);
    expect(h.streams.view(h.run.id, path).producer.leftover?.pids).toEqual([43]);
  });

  it('is handed to the next server with what is stored, under a new lease', async () => {
    await write(0, 'started\n');
    await end();
    await write(8, 'la');
    h.streams.close();
    const next = h.again();
    next.streams.reconcile();
    expect(next.runner.adopted).toMatchObject([{ producer: { epoch: 2, leftover: { ends: { 1: 8, 2: 0 } } } }]);
    expect(next.runner.adopted[0]?.offsets).toEqual(
      new Map([
        [1, 10],
        [2, 0],
      ]),
    );
    await expect(next.streams.link.append(id, 1, 1, 10, Buffer.from('x'))).rejects.toMatchObject({ kind: 'stale_epoch' });
    await next.streams.link.append(id, 2, 1, 10, Buffer.from('te\n'));
    expect(next.streams.read({ runId: h.run.id, path, channel: 1 }).data.toString()).toBe('started\nlate\n');
    next.streams.close();
  });

  it('of a run that is copied runs on in the first one only', async () => {
    await end();
    const copy = await h.store.runs.copy(h.run.id, { maxBytes: 1000 }, (reveal) => reveal('copy'));
    expect(h.store.producers.list({ leftover: true }).map(({ runId }) => runId)).toEqual([h.run.id]);
    expect(h.store.entries.get(copy.id, path)?.attributes['leftover']).toMatchObject({ gone_at: expect.any(Number) });
    expect(entryOf().attributes['leftover']).not.toHaveProperty('gone_at');
  });
});

describe('{#stream_cancel} cancelling what runs on', () => {
  const cancel = () => h.streams.cancel(h.run.id, path, { by: 'vi', reason: 'enough' });

  it('asks the runner for the kill, keeps how the command ended, and stores the receipt', async () => {
    await end();
    expect(cancel().map(({ status }) => status)).toEqual([200, 200]);
    expect(h.runner.killed).toMatchObject([
      { producer: { entryId: id }, request: { requestedBy: 'vi', reason: 'enough', signal: 'SIGTERM' } },
    ]);
    expect(h.streams.receipt(h.run.id, path)).toMatchObject({ state: 'cancelling', receipt: { requestedBy: 'vi', finishedAt: null } });
    h.streams.link.killed(id, 1, receipt());
    expect(h.streams.receipt(h.run.id, path)).toMatchObject({ state: 'ended', receipt: { confirmedDead: [41], finishedAt: 3 } });
    expect(entryOf()).toMatchObject({ status: 200, outcome: 'detached', attributes: { leftover: { cancelled_by: 'vi' } } });
    expect(told().map(({ state }) => state)).toEqual(['running', 'cancelling', 'gone']);
  });

  it('twice answers as the first and asks the runner again; after it is over, as the first', async () => {
    await end();
    cancel();
    cancel();
    expect(h.runner.killed).toHaveLength(2);
    expect(told()).toHaveLength(2);
    h.streams.link.killed(id, 1, receipt());
    expect(cancel().map(({ status }) => status)).toEqual([200, 200]);
    expect(h.runner.killed).toHaveLength(2);
  });

  it('is carried through by the next server', async () => {
    await end();
    cancel();
    h.streams.close();
    const next = h.again();
    next.streams.reconcile();
    expect(next.runner.adopted).toMatchObject([{ producer: { leftover: { receipt: { requestedBy: 'vi', finishedAt: null } } } }]);
    next.streams.close();
  });

  it('that meets its end in the same moment has a receipt of nothing', async () => {
    await end();
    cancel();
    h.streams.link.left(id, 1, { pids: [], limit: null, gone: true });
    expect(h.streams.receipt(h.run.id, path)).toMatchObject({ state: 'ended', receipt: { signals: [], finishedAt: expect.any(Number) } });
  });

  it('{#stream_cancel_all} comes with the end of all commands', async () => {
    await end();
    const all = h.streams.endCommands({ by: 'vi', reason: null });
    h.streams.link.killed(id, 1, receipt());
    expect(await all).toMatchObject([{ path, state: 'ended', receipt: { requestedBy: 'vi', confirmedDead: [41] } }]);
  });

  it('is refused where nothing runs on, as a signal to what has gone is', async () => {
    await end();
    await h.streams.signal(h.run.id, path, 'HUP');
    h.streams.link.left(id, 1, { pids: [], limit: null, gone: true });
    expect(cancel).toThrow(expect.objectContaining({ kind: 'stream_closed' }));
    await expect(h.streams.signal(h.run.id, path, 'HUP')).rejects.toMatchObject({ kind: 'conflict' });
  });
});

describe('{#stream_completed} a command that a signal ended while others of it wrote', () => {
  it('says how it ended, and that the rest ended later', async () => {
    await h.streams.link.completed(id, 1, { exitCode: 143, signal: null, durationMs: 1000, detached: [], restMs: 2000 });
    expect(entryOf()).toMatchObject({ status: 500, outcome: 'signal:SIGTERM', attributes: { rest_ms: 2000 } });
    expect(entryOf().body).toContain('ended by SIGTERM (exit 143) after 1.0 s, the rest of it ended 2.0 s later');
    expect(h.events.find(({ type }) => type === 'stream/ended')?.payload).toMatchObject({ signal: 'SIGTERM', rest_ms: 2000 });
  });
});
