import { statSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, test, vi } from 'vitest';
import { everyRun } from '../../../src/model/sight.ts';
import { append, newChannel, start, tempFolder, tempStore } from './support/temp.ts';

const MIB = 1024 * 1024;
const SEGMENT = Buffer.alloc(256 * 1024, 'x');
const patiently = { timeout: 30_000, interval: 20 };

/** Rows that are there, looked at from outside. */
function counts(file: string): { segments: number; entries: number; events: number; runs: number; free: number } {
  const db = new Database(file, { readonly: true });
  try {
    const count = (table: string) => db.prepare<[], number>(`select count(*) from ${table}`).pluck().get()!;
    const [segments, entries, events, runs] = ['segments', 'entries', 'events', 'runs'].map(count) as [number, number, number, number];
    return { segments, entries, events, runs, free: Number(db.pragma('freelist_count', { simple: true })) };
  } finally {
    db.close();
  }
}

describe('{#run_delete} deleting a run of many bytes', () => {
  test('gives its space back to the file system and touches no other run', async () => {
    const { store, file } = await tempStore({ checkpoint: true });
    const id = newChannel(store);
    const fork = store.runs.create({ projectId: 1, alias: 'fork', parentId: 1, model: 'm', settings: {} });
    store.transaction('fast', () => {
      for (let i = 0; i < 128; i++) append(store, id, SEGMENT);
    });
    const kept = store.entries.create({ runId: fork.id, path: 'sh://turn_0/x_1', category: 'data', status: 102, turn: 0, writer: 't' }).id;
    append(store, kept, Buffer.from('kept\n'));
    store.transaction('fast', () => {
      for (let i = 0; i < 128; i++) append(store, id, SEGMENT);
    });
    await vi.waitFor(() => expect(statSync(file).size).toBeGreaterThan(64 * MIB), patiently);

    store.runs.remove(1);

    expect(store.runs.byAlias(everyRun(1), 'r1')).toBeUndefined();
    expect(store.runs.list(everyRun(1), 10, 0).map(({ alias }) => alias)).toEqual(['fork']);
    expect(() => store.channels.head(id)).toThrow('deleted with its run');
    expect(store.channels.read(id, 0, 10)).toHaveLength(0);
    expect(store.runs.byId(fork.id)?.parentId).toBeNull();
    store.runs.create({ projectId: 1, alias: 'r1', parentId: null, model: 'm', settings: {} });
    await vi.waitFor(() => expect(statSync(file).size).toBeLessThan(8 * MIB), patiently);
    expect(store.channels.read(kept, 0, 10).toString()).toBe('kept\n');
    await store.close();
    const db = new Database(file);
    expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
    db.close();
  });

  test('goes on in steps of at most 4 MiB, between which everything else has its turn', async () => {
    const { store, file } = await tempStore();
    const id = newChannel(store);
    store.transaction('fast', () => {
      for (let i = 0; i < 200; i++) append(store, id, SEGMENT);
    });
    const watcher = new Database(file, { readonly: true });
    const left = watcher.prepare<[], number>('select count(*) from segments').pluck();
    store.runs.remove(1);
    const steps: number[] = [];
    for (let before = left.get()!; before > 0; ) {
      await new Promise((resolve) => setImmediate(resolve));
      const now = left.get()!;
      if (now < before) steps.push(before - now);
      before = now;
    }
    watcher.close();
    expect(steps.length).toBeGreaterThanOrEqual(12);
    // The piece that fills a step may be one segment larger.
    expect(Math.max(...steps) * SEGMENT.length).toBeLessThanOrEqual(4 * MIB + SEGMENT.length);
  });

  test('{#exactly_once} survives kill -9 in the middle, and the next start goes on with it', async () => {
    const file = join(tempFolder(), 'headgate.db');
    const program = start('delete.mjs', [file]);
    expect(await program.line()).toBe('deleted');
    expect(Number(await program.line())).toBeGreaterThan(0);
    await program.kill();
    const half = counts(file);
    expect(half.runs).toBe(2);
    expect(half.segments).toBeGreaterThan(0);

    const { store } = await tempStore({ file });
    expect(store.runs.list(everyRun(1), 10, 0).map(({ alias }) => alias)).toEqual(['other']);
    expect(store.entries.list({}).map(({ path }) => path)).toEqual([]);
    expect(store.events.since({ sight: everyRun(1), seq: 0, limit: 10 })).toEqual([]);
    expect(store.loops.list(1)).toEqual([]);
    await vi.waitFor(() => expect(counts(file)).toMatchObject({ segments: 0, entries: 0, events: 0, runs: 1 }), patiently);
    await vi.waitFor(() => expect(counts(file).free).toBeLessThanOrEqual(256), patiently);
  });
});
