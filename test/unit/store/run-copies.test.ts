import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { Store } from '../../../src/model/ports/store.ts';
import type { Entry } from '../../../src/model/records.ts';
import { everyRun } from '../../../src/model/sight.ts';
import { append, start, tempFolder, tempStore } from './support/temp.ts';

/** Enough that a copy takes several slices, however fast the machine is. */
const ENTRIES = 5000;
const ANY = 256 * 1024 * 1024;
const patiently = { timeout: 30_000, interval: 20 };

let store: Store;
let file: string;
let run: number;

beforeEach(async () => {
  ({ store, file } = await tempStore({ checkpoint: true }));
  const project = store.projects.open({ name: 'p', root: '/p', configPath: null });
  run = store.runs.create({ projectId: project.id, alias: 'first', parentId: null, model: 'm', settings: {} }).id;
  store.transaction('fast', () => {
    for (let i = 0; i < ENTRIES; i++) create(`known://${i}`, `text ${i}`);
  });
});

const create = (path: string, body = '', status: Entry['status'] = 200) =>
  store.entries.create({ runId: run, path, category: 'data', status, body, turn: 0, writer: 'w' }).id;
const idOf = (path: string) => store.entries.get(run, path)!.id;
const aliases = () => store.runs.list(everyRun(1), 10, 0).map(({ alias }) => alias);

/** What a run holds, in order, as its copy is to hold it. */
function held(runId: number) {
  return store.entries.list({ runId }).map(({ id, path, body, attributes, status, outcome, bytes, version }) => {
    const open = [100, 102, 202].includes(status);
    const producer = store.producers.get(id)?.state;
    return {
      path,
      body,
      attributes,
      status: open ? 499 : status,
      outcome: open ? 'forked' : outcome,
      bytes,
      version,
      stored: store.channels.read(id, 0, bytes + 1).toString(),
      producer: producer === 'running' || producer === 'queued' ? 'aborted' : producer,
    };
  });
}

/** Copies the run and returns what both hold in the moment in which the copy is seen. */
const compared = (alias: string) =>
  store.runs.copy(run, { maxBytes: ANY }, (reveal) =>
    store.transaction('durable', () => {
      const copy = reveal(alias);
      return { copy: held(copy.id), first: held(run) };
    }),
  );

/** Rows that are there, looked at from outside. */
function rows(): { runs: number; entries: number; segments: number } {
  const db = new Database(file, { readonly: true });
  try {
    const count = (table: string) => db.prepare<[], number>(`select count(*) from ${table}`).pluck().get()!;
    return { runs: count('runs'), entries: count('entries'), segments: count('segments') };
  } finally {
    db.close();
  }
}

describe('{#run_fork} a run that is copied in slices', () => {
  test('is out of sight until it is whole, and holds what the first holds then, whatever was done to that meanwhile', async () => {
    const channel = create('sh://turn_0/x_1', '', 102);
    const log = create('log://turn_0/sh/x', '', 102);
    store.producers.create({ entryId: log, backend: 'process', runner: 'r', spec: { command: 'x', cwd: '/', env: {}, stdin: false } });
    const dropped = create('sh://turn_0/dropped_1', '', 200);
    append(store, dropped, Buffer.from('dropped\n'));
    let whole = false;
    const copying = compared('copy').finally(() => {
      whole = true;
    });
    let written = 0;
    for (let at = 0; !whole; at++) {
      expect(aliases()).toEqual(['first']);
      // A command that writes on.
      append(store, channel, Buffer.from(`line ${written++}\n`));
      // What was copied already, and what was not.
      if (at < 20) {
        store.entries.update(idOf(`known://${at + 100}`), { body: `rewritten ${at}`, attributes: { at } });
        store.entries.remove(idOf(`known://${at + 200}`));
        store.entries.remove(idOf(`known://${ENTRIES - 1 - at}`));
        store.entries.update(idOf(`known://${ENTRIES - 1000 + at}`), { status: 200, body: 'later' });
        create(`known://new-${at}`, `new ${at}`);
        // One takes the other's place.
        store.entries.update(idOf(`known://${at}`), { path: 'known://aside' });
        store.entries.update(idOf(`known://${at + 50}`), { path: `known://${at}` });
        store.entries.update(idOf('known://aside'), { path: `known://${at + 50}` });
      }
      if (at === 2) store.entries.remove(dropped);
      if (at === 3) {
        store.producers.update(log, { state: 'running' });
        store.producers.update(log, { state: 'ended', exitCode: 0 });
        store.entries.update(log, { status: 200 });
      }
      await turn();
    }
    expect(written).toBeGreaterThan(5);
    const { copy, first } = await copying;
    expect(copy).toEqual(first);
    const stored = copy.find(({ path }) => path === 'sh://turn_0/x_1')!;
    expect(stored).toMatchObject({ status: 499, outcome: 'forked', bytes: Buffer.byteLength(stored.stored) });
    expect(stored.stored).toMatch(/^(line \d+\n)+$/);
    expect(aliases()).toEqual(['copy', 'first']);
  });

  test('has every byte of large bodies, of channels in many pieces and of many channels', async () => {
    for (const [at, bytes] of [32 * 1024, 32 * 1024 + 1, 3 * 1024 * 1024].entries())
      create(`known://large-${at}`, `${at}é`.repeat(bytes / 3));
    const pieces = create('sh://turn_0/pieces_1', '', 102);
    for (let at = 0; at < 600; at++) append(store, pieces, Buffer.from(`${at % 7}`));
    for (let at = 0; at < 100; at++) append(store, create(`sh://turn_0/small-${at}_1`, '', 102), Buffer.from(`small ${at}\n`));
    const long = create('sh://turn_0/long_1', '', 102);
    for (let at = 0; at < 5; at++) append(store, long, Buffer.alloc(50_000, at + 65));
    const { copy, first } = await compared('copy');
    expect(copy).toEqual(first);
    expect(copy.find(({ path }) => path === 'sh://turn_0/pieces_1')?.stored).toHaveLength(600);
  });

  test('is copied twice at once, one like the other', async () => {
    const both = Promise.all([compared('one'), compared('two')]);
    store.entries.update(idOf('known://1'), { body: 'between' });
    for (const { copy, first } of await both) expect(copy).toEqual(first);
    expect(aliases().sort()).toEqual(['first', 'one', 'two']);
    // Nobody looks any more: they go on apart.
    store.entries.update(idOf('known://1'), { body: 'after' });
    expect(store.entries.get(store.runs.byAlias(everyRun(1), 'two')!.id, 'known://1')?.body).toBe('between');
  });

  test.each([
    ['a loop of it begins', 'conflict', () => store.loops.enqueue({ runId: run, mode: 'ask', prompt: '', model: 'm', config: {} })],
    ['it is deleted', 'not_found', () => store.runs.remove(run)],
    [
      'the alias is taken',
      'alias_taken',
      () => store.runs.create({ projectId: 1, alias: 'copy', parentId: null, model: 'm', settings: {} }),
    ],
  ] as const)('leaves nothing when %s meanwhile', async (_, kind, happens) => {
    const copying = compared('copy');
    happens();
    const expected = aliases();
    await expect(copying).rejects.toMatchObject({ kind });
    expect(aliases()).toEqual(expected);
    const entries = expected.includes('first') ? ENTRIES : 0;
    await vi.waitFor(() => expect(rows()).toMatchObject({ runs: expected.length, entries }), patiently);
  });

  test('is refused before anything is copied when it holds too much', async () => {
    await expect(store.runs.copy(run, { maxBytes: 1000 }, (reveal) => reveal('copy'))).rejects.toMatchObject({
      kind: 'too_large',
      facts: { run: 'first', bytes: store.entries.list({ runId: run }).reduce((sum, { bytes }) => sum + bytes, 0), limit: 1000 },
    });
    expect(rows().runs).toBe(1);
  });

  test('leaves nothing when the store is closed meanwhile, nor when the process is killed', async () => {
    const copying = compared('copy').catch(() => 'ended');
    while (rows().entries <= ENTRIES) await turn();
    await store.close();
    expect(await copying).toBe('ended');
    expect(rows().runs).toBe(2);
    ({ store } = await tempStore({ file, checkpoint: true }));
    expect(aliases()).toEqual(['first']);
    await vi.waitFor(() => expect(rows()).toEqual({ runs: 1, entries: ENTRIES, segments: 0 }), patiently);

    const other = join(tempFolder(), 'headgate.db');
    const program = start('fork.mjs', [other, String(ENTRIES)]);
    expect(await program.line()).toBe('copying');
    await program.kill();
    file = other;
    expect(rows().runs).toBe(2);
    expect(rows().entries).toBeGreaterThan(ENTRIES);
    ({ store } = await tempStore({ file, checkpoint: true }));
    expect(aliases()).toEqual(['first']);
    expect(store.entries.list({})).toHaveLength(ENTRIES);
    await vi.waitFor(() => expect(rows()).toEqual({ runs: 1, entries: ENTRIES, segments: 0 }), patiently);
  });
});
