import Database from 'better-sqlite3';
import { describe, expect, test, vi } from 'vitest';
import { everyRun } from '../../../src/model/sight.ts';
import { append, newChannel, tempFolder, tempStore } from './support/temp.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const patiently = { timeout: 20_000, interval: 20 };
const noted = (o: { now: number }) => ({ now: () => o.now, monotonic: () => o.now });
const call = { method: 'ping', client: 'c', run: null, code: 0, durationMs: 1 };

function calls(file: string): number[] {
  const db = new Database(file, { readonly: true });
  try {
    return db.prepare<[], number>('select at from rpc_log order by id').pluck().all();
  } finally {
    db.close();
  }
}

describe('{#retention} what is kept', () => {
  test('records of calls: 30 days of them', async () => {
    const file = `${tempFolder()}/headgate.db`;
    const time = { now: 100 * DAY_MS };
    const first = await tempStore({ file, clock: noted(time) });
    for (let i = 0; i < 450; i++) first.store.audit.record(call);
    time.now += 29 * DAY_MS;
    first.store.audit.record(call);
    await first.store.close();
    time.now += 2 * DAY_MS;
    await tempStore({ file, clock: noted(time) });
    await vi.waitFor(() => expect(calls(file)).toEqual([129 * DAY_MS]), patiently);
  });

  test('records of calls: no more than so many', async () => {
    const { store, file } = await tempStore({ clock: noted({ now: 5 }), retention: { rpcLogRows: 10 } });
    for (let i = 0; i < 450; i++) store.audit.record(call);
    await vi.waitFor(() => expect(calls(file)).toHaveLength(10), patiently);
  });

  test('events of no run for 7 days, those of a run as long as the run; what was trimmed is remembered', async () => {
    const file = `${tempFolder()}/headgate.db`;
    const time = { now: 100 * DAY_MS };
    const before = await tempStore({ file, clock: noted(time) });
    newChannel(before.store);
    const tell = (run: string | null, type: string) => before.store.events.append({ projectId: 1, run, type, payload: {} });
    tell(null, 'old');
    tell('r1', 'of a run');
    tell('gone', 'old, of a run that is gone');
    time.now += 6 * DAY_MS;
    tell(null, 'young');
    expect(before.store.events.trimmedTo(1)).toBe(0);
    await before.store.close();
    time.now += 2 * DAY_MS;
    const { store } = await tempStore({ file, clock: noted(time) });
    const kept = () => store.events.since({ sight: everyRun(1), seq: 0, limit: 10 }).map(({ type }) => type);
    await vi.waitFor(() => expect(kept()).toEqual(['of a run', 'young']), patiently);
    expect(store.events.trimmedTo(1)).toBe(3);
    expect(store.events.lastSeq(1)).toBe(4);
  });

  test('runs at rest only where a number of days is given, and never one in which something waits or works', async () => {
    const file = `${tempFolder()}/headgate.db`;
    const time = { now: 100 * DAY_MS };
    const { store } = await tempStore({ file, clock: noted(time) });
    newChannel(store);
    const run = (alias: string) => store.runs.create({ projectId: 1, alias, parentId: null, model: 'm', settings: {} });
    const entry = (runId: number, status: 200 | 202) =>
      store.entries.create({ runId, path: 'log://turn_0/sh/a', category: 'logging', status, turn: 0, writer: 't' });
    const queued = run('queued');
    store.loops.enqueue({ runId: queued.id, mode: 'act', prompt: '', model: 'm', config: {} });
    entry(run('waiting').id, 202);
    const finished = run('finished');
    store.runs.setStatus(finished.id, 499, null);
    entry(finished.id, 200);
    const active = run('changed');
    time.now += 5 * DAY_MS;
    entry(active.id, 200);
    time.now += 6 * DAY_MS;
    append(store, 1, Buffer.from('still running'));
    await store.close();

    const unlimited = await tempStore({ file, clock: noted(time) });
    unlimited.store.audit.record(call);
    expect(unlimited.store.runs.list(everyRun(1), 10, 0)).toHaveLength(5);
    await unlimited.store.close();
    const limited = await tempStore({ file, clock: noted(time), retention: { runsDays: 10 } });
    const left = () => limited.store.runs.list(everyRun(1), 10, 0).map(({ alias }) => alias);
    await vi.waitFor(() => expect(left()).toEqual(['changed', 'waiting', 'queued', 'r1']), patiently);
  });
});
