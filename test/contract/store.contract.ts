/* Over 500 lines because it is the one contract of the whole store port, and all its parts share one set-up. */
/* eslint-disable max-lines */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ErrorName, HeadgateError } from '../../src/core/errors.ts';
import type { NewEntry, Store } from '../../src/model/ports/store.ts';
import type { Entry, Loop, Run } from '../../src/model/records.ts';
import { everyRun, type Sight } from '../../src/model/sight.ts';

/** An empty store under test; its clock says `now`. */
export interface StoreSetup {
  readonly store: Store;
  readonly clock: { now: number };
  readonly dispose: () => Promise<void>;
}

/** The HeadgateError that `work` throws, checked to be of that name. */
export function refusal(kind: ErrorName, work: () => unknown): HeadgateError {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(HeadgateError);
    expect((error as HeadgateError).kind).toBe(kind);
    return error as HeadgateError;
  }
  throw new Error(`expected ${kind}, but nothing was thrown`);
}

/** What every store does. */
export function storeContract(name: string, setUp: () => Promise<StoreSetup>): void {
  describe(`{#store_sync} store ${name}`, () => {
    let setup: StoreSetup;
    let store: Store;
    let projectId: number;
    let run: Run;

    beforeEach(async () => {
      setup = await setUp();
      store = setup.store;
      setup.clock.now = 1_000;
      projectId = store.projects.open({ name: 'p', root: '/p', configPath: null }).id;
      run = newRun('r1');
    });

    afterEach(() => setup.dispose());

    const newRun = (alias: string, parentId: number | null = null): Run =>
      store.runs.create({ projectId, alias, parentId, model: 'm', settings: { yolo: true } });
    const newEntry = (path: string, change: Partial<NewEntry> = {}): Entry =>
      store.entries.create({ runId: run.id, path, category: 'logging', status: 202, turn: 1, writer: 'test', ...change });
    const newChannel = (path: string): Entry => newEntry(path, { category: 'data', status: 102 });
    const newLoop = (runId = run.id): Loop =>
      store.loops.enqueue({ runId, mode: 'act', prompt: 'do it', model: 'm', config: { temperature: 0.5 } });
    const append = (entryId: number, text: string): void => {
      const { bytes, lines } = store.channels.head(entryId);
      const count = text.split('\n').length - 1;
      store.channels.append([{ entryId, offset: bytes, bytes: Buffer.from(text), line: lines, at: setup.clock.now, lines: count }]);
    };

    describe('transactions', () => {
      test('what a transaction did is there after it and is answered on the same tick', () => {
        const alias = store.transaction('durable', () => newRun('r2').alias);
        expect(store.runs.byAlias(everyRun(projectId), alias)?.alias).toBe('r2');
      });

      test('a transaction whose work throws stores nothing and throws the same error', () => {
        const mistake = new Error('mistake');
        expect(() =>
          store.transaction('durable', () => {
            newRun('r2');
            throw mistake;
          }),
        ).toThrow(mistake);
        expect(store.runs.byAlias(everyRun(projectId), 'r2')).toBeUndefined();
        expect(newRun('r2').alias).toBe('r2');
      });

      test('a nested transaction joins: the outer one takes its work back', () => {
        expect(() =>
          store.transaction('durable', () => {
            store.transaction('fast', () => newRun('r2'));
            throw new Error('mistake');
          }),
        ).toThrow('mistake');
        expect(store.runs.byAlias(everyRun(projectId), 'r2')).toBeUndefined();
      });

      test('a nested transaction that fails takes back its own work and leaves the rest', () => {
        store.transaction('durable', () => {
          newRun('r2');
          try {
            store.transaction('durable', () => {
              newRun('r3');
              newRun('r2');
            });
          } catch {
            newRun('r4');
          }
        });
        expect(store.runs.list(everyRun(projectId), 10, 0).map(({ alias }) => alias)).toEqual(['r4', 'r2', 'r1']);
      });

      test('{#durability} a durable transaction within a fast one is refused, not silently weakened', () => {
        expect(() => store.transaction('fast', () => store.transaction('durable', () => newRun('r2')))).toThrow(/durable/);
        expect(store.runs.byAlias(everyRun(projectId), 'r2')).toBeUndefined();
      });

      test('asynchronous work is refused and stores nothing', () => {
        expect(() =>
          store.transaction('fast', () => {
            newRun('r2');
            return Promise.resolve();
          }),
        ).toThrow(/asynchronous/);
        expect(store.runs.byAlias(everyRun(projectId), 'r2')).toBeUndefined();
      });
    });

    describe('projects', () => {
      test('opening a project again answers the same one, with its new root', () => {
        expect(store.projects.open({ name: 'p', root: '/moved', configPath: '/c.yaml' })).toEqual({
          id: projectId,
          name: 'p',
          root: '/moved',
          configPath: '/c.yaml',
        });
        expect(store.projects.byId(projectId)?.root).toBe('/moved');
        expect(store.projects.open({ name: 'q', root: '/q', configPath: null }).id).not.toBe(projectId);
        expect(store.projects.byId(99)).toBeUndefined();
      });
    });

    describe('{#transport_sse} projects with a run of an alias', () => {
      test('are found, in order of creation, whatever else they hold', () => {
        const other = store.projects.open({ name: 'other', root: '/other', configPath: null });
        store.projects.open({ name: 'empty', root: '/empty', configPath: null });
        const settings = { model: 'scripted', parentId: null, settings: {} };
        for (const id of [projectId, other.id]) store.runs.create({ projectId: id, alias: 'same', ...settings });
        store.runs.create({ projectId: other.id, alias: 'one', ...settings });
        expect(store.projects.withRun('same', null).map(({ id }) => id)).toEqual([projectId, other.id]);
        expect(store.projects.withRun('one', null)).toEqual([other]);
        expect(store.projects.withRun('none', null)).toEqual([]);
      });
    });

    describe('{#own_runs} what was made with a token', () => {
      test('is all that is seen of runs, entries, producers, events and projects with it, and is seen by everybody else', async () => {
        const own: Sight = { projectId, madeWith: 'hash-a' };
        const settings = { projectId, model: 'scripted', parentId: null, settings: {} };
        const mine = store.runs.create({ ...settings, alias: 'mine', madeWith: 'hash-a' });
        const other = store.runs.create({ ...settings, alias: 'other', madeWith: 'hash-b' });
        for (const { id: runId } of [mine, other, run]) {
          const entry = store.entries.create({ runId, path: 'log://turn_0/sh/x', category: 'logging', status: 202, turn: 0, writer: 'c' });
          store.producers.create({
            entryId: entry.id,
            backend: 'process',
            runner: 'client',
            spec: { command: 'x', cwd: '/', env: {}, stdin: false },
          });
        }
        for (const alias of ['mine', 'other', null]) store.events.append({ projectId, run: alias, type: 'x', payload: {} });
        const seen = (sight: Sight) => ({
          found: ['mine', 'other', run.alias].filter((alias) => store.runs.byAlias(sight, alias)),
          runs: store.runs.list(sight, 10, 0).length,
          entries: store.entries.list({ sight }).map(({ runId }) => runId),
          page: store.entries.list({ sight, limit: 10 }).map(({ runId }) => runId),
          producers: store.producers.list({ sight }).length,
          events: store.events.since({ sight, seq: 0, limit: 10 }).map((event) => event.run),
          projects: store.projects.withRun('other', sight.madeWith).length,
        });
        const ids = [mine.id, other.id, run.id];
        expect(seen(own)).toEqual({
          found: ['mine'],
          runs: 1,
          entries: [mine.id],
          page: [mine.id],
          producers: 1,
          events: ['mine'],
          projects: 0,
        });
        expect(seen(everyRun(projectId))).toEqual({
          found: ['mine', 'other', run.alias],
          runs: 3,
          entries: ids,
          page: ids,
          producers: 3,
          events: ['mine', 'other', null],
          projects: 1,
        });
        expect(store.runs.byAlias({ projectId: projectId + 1, madeWith: 'hash-a' }, 'mine')).toBeUndefined();
      });

      test('is a copy for whoever makes it, and an event also when its run is gone', async () => {
        const own: Sight = { projectId, madeWith: 'hash-a' };
        const { id } = store.runs.create({ projectId, alias: 'mine', model: 'scripted', parentId: null, settings: {}, madeWith: 'hash-a' });
        const copy = (alias: string, madeWith?: string) =>
          store.runs.copy(id, { maxBytes: 1000, madeWith: madeWith ?? null }, (reveal) => reveal(alias));
        expect(await copy('same', 'hash-a')).toMatchObject({ madeWith: 'hash-a' });
        expect(await copy('another')).toMatchObject({ madeWith: null });
        store.events.append({ projectId, run: 'mine', type: 'before', payload: {} });
        store.runs.remove(id);
        store.events.append({ projectId, run: 'mine', type: 'gone', payload: {}, madeWith: 'hash-a' });
        store.events.append({ projectId, run: 'mine', type: 'of-another', payload: {} });
        expect(store.runs.list(own, 10, 0).map(({ alias }) => alias)).toEqual(['same']);
        expect(store.events.since({ sight: own, seq: 0, limit: 10 }).map(({ type }) => type)).toEqual(['gone']);
        expect(store.events.since({ sight: own, run: 'mine', seq: 0, limit: 10 }).map(({ type }) => type)).toEqual(['gone']);
      });

      test('is kept with the token that is bound to it', () => {
        const token = { name: 'ci', scope: 'run', hash: 'hash-a', projects: null, ownRuns: true, expiresAt: null } as const;
        store.tokens.add(token);
        expect(store.tokens.byHash('hash-a')).toMatchObject(token);
      });
    });

    describe('models', () => {
      const model = { alias: 'fast', actual: 'x-1', provider: 'scripted', contextLength: 8000, dialect: 'xml' } as const;

      test('a model is listed until it is removed', () => {
        store.models.add(projectId, { ...model, alias: 'big', contextLength: null, dialect: null });
        store.models.add(projectId, model);
        expect(store.models.list(projectId).map(({ alias }) => alias)).toEqual(['big', 'fast']);
        expect(store.models.get(projectId, 'fast')).toEqual(model);
        expect(store.models.remove(projectId, 'fast')).toBe(true);
        expect(store.models.remove(projectId, 'fast')).toBe(false);
        expect(store.models.get(projectId, 'fast')).toBeUndefined();
      });

      test('a second model of the same alias is refused', () => {
        store.models.add(projectId, model);
        expect(refusal('alias_taken', () => store.models.add(projectId, model)).facts).toEqual({ alias: 'fast' });
      });
    });

    describe('{#file_constraints} file constraints', () => {
      test('one rule a pattern, in order of pattern, of one project', () => {
        store.fileConstraints.set(projectId, 'src/**', 'persist');
        store.fileConstraints.set(projectId, '.env', 'ignore');
        setup.clock.now = 2_000;
        store.fileConstraints.set(projectId, 'src/**', 'ignore');
        expect(store.fileConstraints.list(projectId)).toEqual([
          { pattern: '.env', rule: 'ignore', createdAt: 1_000 },
          { pattern: 'src/**', rule: 'ignore', createdAt: 2_000 },
        ]);
        expect(store.fileConstraints.list(store.projects.open({ name: 'q', root: '/q', configPath: null }).id)).toEqual([]);
        expect(store.fileConstraints.remove(projectId, '.env')).toBe(true);
        expect(store.fileConstraints.remove(projectId, '.env')).toBe(false);
      });
    });

    describe('runs', () => {
      test('a new run is queued and is found by number and alias', () => {
        expect(run).toEqual({
          id: run.id,
          projectId,
          alias: 'r1',
          parentId: null,
          status: 100,
          outcome: null,
          model: 'm',
          settings: { yolo: true },
          turn: 0,
          createdAt: 1000,
          updatedAt: 1000,
          madeWith: null,
        });
        expect(store.runs.byId(run.id)).toEqual(run);
        expect(store.runs.byAlias(everyRun(projectId), 'r1')).toEqual(run);
        expect(store.runs.byAlias(everyRun(projectId), 'r9')).toBeUndefined();
        expect(store.runs.byId(99)).toBeUndefined();
      });

      test('an alias is taken in its project only', () => {
        const other = store.projects.open({ name: 'q', root: '/q', configPath: null });
        refusal('alias_taken', () => newRun('r1'));
        expect(store.runs.create({ projectId: other.id, alias: 'r1', parentId: null, model: 'm', settings: {} }).projectId).toBe(other.id);
        const second = newRun('r2');
        expect(refusal('alias_taken', () => store.runs.configure(second.id, { alias: 'r1' })).facts).toEqual({ alias: 'r1' });
      });

      test('runs are listed newest first, by pages', () => {
        for (const alias of ['r2', 'r3', 'r4']) newRun(alias);
        expect(store.runs.list(everyRun(projectId), 2, 1).map(({ alias }) => alias)).toEqual(['r3', 'r2']);
      });

      test('a restart finds the runs of every project by status', () => {
        const other = store.projects.open({ name: 'q', root: '/q', configPath: null });
        const second = store.runs.create({ projectId: other.id, alias: 'x', parentId: null, model: 'm', settings: {} });
        store.runs.setStatus(second.id, 102, null);
        expect(store.runs.withStatus([102, 202]).map(({ id }) => id)).toEqual([second.id]);
        expect(store.runs.withStatus([100, 102]).map(({ id }) => id)).toEqual([run.id, second.id]);
        expect(store.runs.withStatus([])).toEqual([]);
      });

      test('{#run_states} a status follows the table, an outcome may change alone', () => {
        store.runs.setStatus(run.id, 102, null);
        setup.clock.now = 2_000;
        store.runs.setStatus(run.id, 500, 'model_failed');
        expect(store.runs.byId(run.id)).toMatchObject({ status: 500, outcome: 'model_failed', updatedAt: 2000 });
        store.runs.setStatus(run.id, 500, 'other');
        expect(refusal('illegal_transition', () => store.runs.setStatus(run.id, 200, null)).facts).toMatchObject({ from: 500, to: 200 });
        expect(store.runs.byId(run.id)).toMatchObject({ status: 500, outcome: 'other' });
      });

      test('configuration changes what is given and nothing else', () => {
        store.runs.configure(run.id, { settings: { temperature: 1 } });
        store.runs.configure(run.id, { model: 'n', alias: 'renamed' });
        expect(store.runs.byId(run.id)).toMatchObject({ alias: 'renamed', model: 'n', settings: { temperature: 1 } });
      });

      test('turns are counted from 1', () => {
        expect([store.runs.nextTurn(run.id), store.runs.nextTurn(run.id)]).toEqual([1, 2]);
        expect(store.runs.byId(run.id)?.turn).toBe(2);
      });

      test('{#run_fork} a copy holds all that the run holds, and ends what runs or waits', async () => {
        const loop = store.loops.enqueue({ runId: run.id, mode: 'act', prompt: 'p', model: 'm', config: {} });
        store.loops.setStatus(loop.id, 102, null, null);
        store.loops.setStatus(loop.id, 200, null, 'done');
        const turn = store.turns.create({ runId: run.id, loopId: loop.id, sequence: store.runs.nextTurn(run.id) });
        const piece = (text: string) => ({ form: 'literal' as const, path: null, from: 0, to: 0, tokens: 1, text });
        const messages = ['b', 'a', 'b'].map((text) => ({ role: 'user' as const, pieces: [piece(text)] }));
        store.turns.setContext(turn.id, { messages, tools: [{ name: 't', description: 'd', inputSchema: { type: 'object' } }] });
        const entry = { runId: run.id, category: 'logging', turn: 1, loopId: loop.id, writer: 'w' } as const;
        store.entries.create({ ...entry, path: 'known://a', status: 200, body: 'four', attributes: { x: 1 } });
        const log = store.entries.create({ ...entry, path: 'log://turn_1/sh/x', status: 100 });
        store.entries.update(log.id, { status: 102 });
        store.producers.create({
          entryId: log.id,
          backend: 'process',
          runner: 'embedded',
          spec: { command: 'x', cwd: '/', env: {}, stdin: false },
        });
        const channel = store.entries.create({ ...entry, category: 'data', path: 'sh://turn_1/x_1', status: 102 });
        const bytes = Buffer.from('ab\ncd\0\xff', 'latin1');
        store.channels.append([{ entryId: channel.id, offset: 0, bytes, line: 0, at: 5, lines: 1 }]);
        const copy = await store.runs.copy(run.id, { maxBytes: 1000 }, (reveal) => reveal('copy'));
        expect(copy).toMatchObject({ alias: 'copy', parentId: run.id, turn: 1, model: 'm', settings: { yolo: true } });
        const of = (path: string) => store.entries.get(copy.id, path)!;
        expect(of('known://a')).toMatchObject({ body: 'four', attributes: { x: 1 }, status: 200, outcome: null });
        expect(of('sh://turn_1/x_1')).toMatchObject({ status: 499, outcome: 'forked' });
        expect(store.channels.read(of('sh://turn_1/x_1').id, 0, 100)).toEqual(bytes);
        expect(store.producers.get(of('log://turn_1/sh/x').id)?.state).toBe('aborted');
        const [copied] = store.loops.list(copy.id);
        expect(copied).toMatchObject({ status: 200, result: 'done', sequence: 1 });
        expect(of('known://a').loopId).toBe(copied?.id);
        expect(store.turns.context(store.turns.get(copy.id, 1)!.id)).toEqual(store.turns.context(turn.id));
        // Apart from then on.
        store.entries.update(of('known://a').id, { body: 'other' });
        expect(store.entries.get(run.id, 'known://a')?.body).toBe('four');
        expect(store.producers.get(log.id)?.state).toBe('queued');
        store.runs.remove(run.id);
        expect(store.channels.read(of('sh://turn_1/x_1').id, 0, 100)).toEqual(bytes);
        await expect(store.runs.copy(copy.id, { maxBytes: 1000 }, (reveal) => reveal('copy'))).rejects.toMatchObject({
          kind: 'alias_taken',
        });
        expect(store.runs.list(everyRun(projectId), 10, 0)).toHaveLength(1);
      });

      test('a fork outlives its parent', () => {
        const fork = newRun('fork', run.id);
        store.runs.remove(run.id);
        expect(store.runs.byId(fork.id)?.parentId).toBeNull();
      });

      test('changing a run that is gone says so', () => {
        store.runs.remove(run.id);
        for (const change of [
          () => store.runs.remove(run.id),
          () => store.runs.setStatus(run.id, 102, null),
          () => store.runs.configure(run.id, { model: 'n' }),
          () => store.runs.nextTurn(run.id),
          () => newLoop(),
          () => newEntry('known://a'),
        ]) {
          refusal('not_found', change);
        }
      });
    });

    describe('loops', () => {
      test('prompts queue in order, one at a time', () => {
        const [first, second] = [newLoop(), newLoop()];
        expect([first.sequence, second.sequence]).toEqual([1, 2]);
        expect(first).toMatchObject({ status: 100, mode: 'act', config: { temperature: 0.5 }, result: null, endedAt: null });
        expect(store.loops.nextQueued(run.id)).toEqual(first);
        store.loops.setStatus(first.id, 102, null, null);
        expect(store.loops.active(run.id)?.id).toBe(first.id);
        expect(store.loops.nextQueued(run.id)?.id).toBe(second.id);
        setup.clock.now = 5_000;
        store.loops.setStatus(first.id, 200, null, 'said');
        expect(store.loops.byId(first.id)).toMatchObject({ status: 200, result: 'said', endedAt: 5000 });
        expect(store.loops.active(run.id)).toBeUndefined();
        expect(store.loops.list(run.id).map(({ status }) => status)).toEqual([200, 100]);
      });

      test('{#loop_states} a second active loop of a run is refused, one of another run is not', () => {
        const [first, second] = [newLoop(), newLoop()];
        const elsewhere = newLoop(newRun('r2').id);
        store.loops.setStatus(first.id, 102, null, null);
        refusal('conflict', () => store.loops.setStatus(second.id, 102, null, null));
        store.loops.setStatus(elsewhere.id, 102, null, null);
        expect(elsewhere.sequence).toBe(1);
      });

      test('{#loop_states} an ended loop stays ended', () => {
        const loop = newLoop();
        store.loops.setStatus(loop.id, 499, 'aborted', null);
        refusal('illegal_transition', () => store.loops.setStatus(loop.id, 102, null, null));
        refusal('not_found', () => store.loops.setStatus(99, 102, null, null));
      });
    });

    describe('{#turn_context} turns', () => {
      test('a turn is asked, dispatched and done, with what was said and spent', () => {
        const loop = newLoop();
        const turn = store.turns.create({ runId: run.id, loopId: loop.id, sequence: store.runs.nextTurn(run.id) });
        expect(turn).toMatchObject({
          sequence: 1,
          phase: 'asking',
          text: '',
          usage: null,
          cost: null,
          requests: 0,
          firstMs: null,
          endedAt: null,
        });
        store.turns.update(turn.id, { phase: 'dispatching', text: 'hm', usage: { inputTokens: 3, outputTokens: 2, cachedTokens: 1 } });
        setup.clock.now = 7_000;
        store.turns.update(turn.id, { phase: 'done' });
        store.turns.update(turn.id, {});
        store.turns.update(turn.id, { cost: 0.25, requests: 2, firstMs: 20, totalMs: 300 });
        expect(store.turns.get(run.id, 1)).toMatchObject({
          cost: 0.25,
          requests: 2,
          firstMs: 20,
          totalMs: 300,
          phase: 'done',
          text: 'hm',
          usage: { inputTokens: 3, outputTokens: 2, cachedTokens: 1 },
          endedAt: 7000,
        });
        expect(store.turns.list(run.id)).toHaveLength(1);
        expect(store.turns.get(run.id, 2)).toBeUndefined();
        refusal('not_found', () => store.turns.update(99, { phase: 'done' }));
      });

      test('what a model was shown is kept in order and replaced as a whole', () => {
        const turn = store.turns.create({ runId: run.id, loopId: newLoop().id, sequence: 1 });
        const piece = { form: 'exact', path: 'log://turn_1/a/b', from: 0, to: 10, tokens: 3 } as const;
        const message = (text: string) => ({
          role: 'user' as const,
          pieces: [piece, { form: 'literal' as const, path: null, from: 0, to: 0, tokens: 1, text }],
        });
        const tools = [{ name: 't', description: 'd', inputSchema: { type: 'object' } }];
        const packet = { messages: [message('b'), message('a'), message('b')], tools };
        store.turns.setContext(turn.id, packet);
        expect(store.turns.context(turn.id)).toEqual(packet);
        store.turns.setContext(turn.id, { messages: [message('\ud800 half a character')], tools: [] });
        expect(store.turns.context(turn.id)).toEqual({ messages: [message('\ud800 half a character')], tools: [] });
        refusal('not_found', () => store.turns.setContext(99, packet));
        expect(store.turns.context(99)).toEqual({ messages: [], tools: [] });
      });
    });

    describe('entries', () => {
      test('a new entry has its scheme, sizes and first version', () => {
        const entry = newEntry('known://a/b', { category: 'knowledge', status: 200, body: 'é\nx', attributes: { n: [1] } });
        expect(entry).toEqual({
          id: entry.id,
          runId: run.id,
          path: 'known://a/b',
          scheme: 'known',
          category: 'knowledge',
          status: 200,
          outcome: null,
          visibility: 'visible',
          body: 'é\nx',
          attributes: { n: [1] },
          turn: 1,
          loopId: null,
          bytes: 4,
          lines: 1,
          version: 1,
          createdAt: 1000,
          updatedAt: 1000,
        });
        expect(store.entries.byId(entry.id)).toEqual(entry);
        expect(store.entries.get(run.id, 'known://a/b')).toEqual(entry);
        expect(store.entries.get(run.id, 'known://a')).toBeUndefined();
      });

      test('a path is taken once in a run', () => {
        newEntry('known://a');
        expect(refusal('conflict', () => newEntry('known://a')).facts).toEqual({ path: 'known://a' });
        const other = newEntry('known://b');
        refusal('conflict', () => store.entries.update(other.id, { path: 'known://a' }));
        refusal('invalid_params', () => newEntry('known://../a'));
      });

      test('a change raises the version, a refused one changes nothing', () => {
        const entry = newEntry('log://turn_1/sh/x');
        setup.clock.now = 3_000;
        const changed = store.entries.update(entry.id, { status: 102, body: 'a\nb\n', attributes: { k: 1 }, visibility: 'archived' });
        expect(changed).toMatchObject({
          status: 102,
          body: 'a\nb\n',
          bytes: 4,
          lines: 2,
          version: 2,
          updatedAt: 3000,
          visibility: 'archived',
        });
        expect(store.entries.update(entry.id, { path: 'known://moved' })).toMatchObject({
          scheme: 'known',
          version: 3,
          attributes: { k: 1 },
        });
        refusal('not_found', () => store.entries.update(99, { body: '' }));
      });

      test('{#entry_states} a status follows the table and a final one stays', () => {
        const entry = newEntry('log://turn_1/sh/x');
        refusal('illegal_transition', () => store.entries.update(entry.id, { status: 413, body: 'changed' }));
        expect(store.entries.byId(entry.id)).toEqual(entry);
        store.entries.update(entry.id, { status: 403, outcome: 'rejected' });
        refusal('illegal_transition', () => store.entries.update(entry.id, { status: 102 }));
      });

      test('entries are listed in order of creation, by any filter', () => {
        newEntry('log://turn_1/sh/x');
        newEntry('sh://turn_1/x_1', { category: 'data', status: 102 });
        newEntry('log://turn_2/sh/y', { turn: 2 });
        newEntry('log://turn_20/sh/z', { turn: 20, status: 200 });
        const paths = (filter: Parameters<Store['entries']['list']>[0]) => store.entries.list(filter).map(({ path }) => path);
        expect(paths({ runId: run.id })).toEqual(['log://turn_1/sh/x', 'sh://turn_1/x_1', 'log://turn_2/sh/y', 'log://turn_20/sh/z']);
        expect(paths({ sight: everyRun(projectId), statuses: [202] })).toEqual(['log://turn_1/sh/x', 'log://turn_2/sh/y']);
        expect(paths({ sight: everyRun(projectId + 1) })).toEqual([]);
        expect(paths({ categories: ['data'] })).toEqual(['sh://turn_1/x_1']);
        expect(paths({ runId: run.id, turn: 2 })).toEqual(['log://turn_2/sh/y']);
        expect(paths({ runId: run.id, prefix: 'log://turn_2/' })).toEqual(['log://turn_2/sh/y']);
        expect(paths({ runId: run.id, prefix: 'log://turn_2' })).toEqual(['log://turn_2/sh/y', 'log://turn_20/sh/z']);
        expect(paths({ runId: run.id, prefix: '' })).toHaveLength(4);
        expect(paths({ runId: run.id, statuses: [] })).toEqual([]);
      });

      test('{#entries} a page of a listing is cut from what filter and test leave, in order of creation', () => {
        for (let n = 0; n < 10; n++) newEntry(`known://${n % 2 === 0 ? 'even' : 'odd'}/${n}`);
        const paths = (filter: Parameters<Store['entries']['list']>[0]) =>
          store.entries.list({ runId: run.id, ...filter }).map(({ path }) => path);
        expect(paths({ limit: 2 })).toEqual(['known://even/0', 'known://odd/1']);
        expect(paths({ offset: 8 })).toEqual(['known://even/8', 'known://odd/9']);
        expect(paths({ prefix: 'known://odd/', offset: 1, limit: 2 })).toEqual(['known://odd/3', 'known://odd/5']);
        expect(paths({ offset: 10 })).toEqual([]);
        const [first = 0, , third = 0, , fifth = 0] = store.entries.list({ runId: run.id }).map(({ id }) => id);
        expect(paths({ afterId: third, limit: 2 })).toEqual(['known://odd/3', 'known://even/4']);
        expect(paths({ afterId: first, beforeId: third })).toEqual(['known://odd/1']);
        expect(paths({ ids: [fifth, first, 999_999] })).toEqual(['known://even/0', 'known://even/4']);
        expect(paths({ ids: [] })).toEqual([]);
        expect(store.entries.count({ runId: run.id, prefix: 'known://odd/' })).toBe(5);
        expect(store.entries.count({ statuses: [202], runId: run.id })).toBe(10);
        expect(store.entries.count({ statuses: [500] })).toBe(0);
      });

      test('{#entries} paths come a page at a time, in their own order', () => {
        for (const name of ['b', 'a', 'c']) newEntry(`known://x/${name}`);
        newEntry('known://y');
        const page = (after: string, limit: number) => store.entries.paths(run.id, { prefix: 'known://x/', after, limit });
        expect(page('', 2).map(({ path }) => path)).toEqual(['known://x/a', 'known://x/b']);
        expect(page('known://x/b', 2).map(({ path }) => path)).toEqual(['known://x/c']);
        expect(page('known://x/c', 2)).toEqual([]);
        const [one] = page('', 1);
        expect(store.entries.byId(one?.id ?? 0)?.path).toBe('known://x/a');
        expect(store.entries.paths(run.id + 1, { prefix: '', after: '', limit: 2 })).toEqual([]);
      });

      test('a removed entry is gone and its number is not given again', () => {
        const entry = newEntry('known://a');
        store.entries.remove(entry.id);
        refusal('not_found', () => store.entries.remove(entry.id));
        expect(newEntry('known://a').id).toBeGreaterThan(entry.id);
      });
    });

    describe('{#segments} channels', () => {
      test('an append is read back, and the entry knows its size', () => {
        const channel = newChannel('sh://turn_1/x_1');
        append(channel.id, 'one\ntwo');
        setup.clock.now = 4_000;
        append(channel.id, '\n');
        expect(store.channels.head(channel.id)).toEqual({ bytes: 8, lines: 2 });
        expect(store.channels.read(channel.id, 2, 4).toString()).toBe('e\ntw');
        expect(store.entries.byId(channel.id)).toMatchObject({ body: '', bytes: 8, lines: 2, version: 1, updatedAt: 4000 });
        expect(store.channels.segments(channel.id, 5, 9)).toEqual([
          { offset: 0, bytes: Buffer.from('one\ntwo'), line: 0, at: 1000 },
          { offset: 7, bytes: Buffer.from('\n'), line: 1, at: 4000 },
        ]);
        expect(store.channels.segments(channel.id, 7, 9)).toHaveLength(1);
        expect(store.channels.segments(channel.id, 8, 9)).toEqual([]);
        expect(store.channels.times(channel.id, 5, 8)).toEqual([
          { offset: 0, at: 1000 },
          { offset: 7, at: 4000 },
        ]);
        expect(store.channels.times(channel.id, 5, 7)).toEqual([{ offset: 0, at: 1000 }]);
        expect(store.channels.times(channel.id, 8, 9)).toEqual([]);
      });

      test('bytes that are no UTF-8, NUL among them, come back as they were', () => {
        const channel = newChannel('sh://turn_1/x_1');
        const bytes = Buffer.from([0xff, 0x00, 0xc3, 0x00, 0x80, 0x0a]);
        store.channels.append([{ entryId: channel.id, offset: 0, bytes: bytes.subarray(0, 3), line: 0, at: 1, lines: 0 }]);
        store.channels.append([{ entryId: channel.id, offset: 3, bytes: new Uint8Array(bytes.subarray(3)), line: 0, at: 1, lines: 1 }]);
        expect(store.channels.read(channel.id, 0, 100)).toEqual(bytes);
      });

      test('reading outside a channel answers nothing', () => {
        const channel = newChannel('sh://turn_1/x_1');
        expect(store.channels.read(channel.id, 0, 10)).toHaveLength(0);
        append(channel.id, 'abc');
        expect(store.channels.read(channel.id, 3, 10)).toHaveLength(0);
        expect(store.channels.read(channel.id, 300, 10)).toHaveLength(0);
        expect(store.channels.read(channel.id, 1, 0)).toHaveLength(0);
      });

      test('{#stream_offset} an offset that is not the length is refused with the right one, and nothing of the batch is stored', () => {
        const [first, second] = [newChannel('sh://turn_1/x_1'), newChannel('sh://turn_1/x_2')];
        append(first.id, 'abc');
        append(second.id, 'abc');
        const write = { bytes: Buffer.from('zz'), line: 0, at: 1, lines: 0 };
        for (const offset of [2, 4]) {
          const batch = [
            { ...write, entryId: first.id, offset: 3 },
            { ...write, entryId: second.id, offset },
          ];
          expect(refusal('offset_conflict', () => store.channels.append(batch)).facts).toEqual({ expected: 3 });
          store.transaction('fast', () => refusal('offset_conflict', () => store.channels.append(batch)));
        }
        expect(store.channels.head(first.id).bytes).toBe(3);
        expect(store.channels.read(first.id, 0, 10).toString()).toBe('abc');
      });

      test('a writer that miscounts lines is found out', () => {
        const channel = newChannel('sh://turn_1/x_1');
        append(channel.id, 'a\n');
        const write = { entryId: channel.id, offset: 2, bytes: Buffer.from('b'), at: 1, lines: 0 };
        expect(() => store.channels.append([{ ...write, line: 0 }])).toThrow(/miscounted/);
      });

      test('an empty append changes nothing', () => {
        const channel = newChannel('sh://turn_1/x_1');
        append(channel.id, '');
        append(channel.id, 'a');
        expect(store.channels.read(channel.id, 0, 9).toString()).toBe('a');
      });

      test('an entry is either a text or a channel', () => {
        const channel = newChannel('sh://turn_1/x_1');
        append(channel.id, 'a');
        refusal('conflict', () => store.entries.update(channel.id, { body: 'other' }));
        expect(store.entries.update(channel.id, { status: 200 }).bytes).toBe(1);
        const text = newEntry('known://a', { body: 'text' });
        refusal('conflict', () => append(text.id, 'more'));
      });

      test('a channel that is gone says so', () => {
        refusal('not_found', () => store.channels.head(99));
        refusal('not_found', () => store.channels.append([{ entryId: 99, offset: 0, bytes: Buffer.from('a'), line: 0, at: 1, lines: 0 }]));
        refusal('not_found', () => store.channels.offsetOfLine(99, 1));
      });
    });

    describe('producers', () => {
      const spec = { command: 'ls', cwd: '/', env: { A: 'b' }, stdin: false, timeoutMs: 5 };

      test('a producer is queued, and knows its run and path', () => {
        const entry = newEntry('log://turn_1/sh/x');
        const producer = store.producers.create({ entryId: entry.id, backend: 'process', runner: 'embedded', spec });
        expect(producer).toEqual({
          entryId: entry.id,
          runId: run.id,
          run: 'r1',
          path: entry.path,
          backend: 'process',
          runner: 'embedded',
          bootId: null,
          spec,
          epoch: 1,
          state: 'queued',
          ref: null,
          exitCode: null,
          signal: null,
          receipt: null,
          createdAt: 1000,
          startedAt: null,
          endedAt: null,
          lastOutputAt: null,
        });
        store.runs.configure(run.id, { alias: 'renamed' });
        expect(store.producers.get(entry.id)?.run).toBe('renamed');
        expect(store.producers.get(99)).toBeUndefined();
      });

      test('{#producer_states} it goes from state to state with its facts, and no other way', () => {
        const { id } = newEntry('log://turn_1/sh/x');
        const queued = store.producers.create({ entryId: id, backend: 'process', runner: 'embedded', spec, bootId: 'first' });
        expect(queued.bootId).toBe('first');
        expect(store.producers.update(id, { bootId: 'second' }).bootId).toBe('second');
        store.producers.update(id, { state: 'running', ref: { pid: 7 }, startedAt: 11, epoch: 2 });
        expect(store.producers.update(id, { lastOutputAt: 12 })).toMatchObject({ state: 'running', ref: { pid: 7 }, lastOutputAt: 12 });
        const receipt = { requestedBy: 'me', reason: null, requestedAt: 1, signals: [], confirmedDead: [7], escaped: [], finishedAt: 2 };
        store.producers.update(id, { state: 'cancelling' });
        const ended = store.producers.update(id, { state: 'cancelled', receipt, exitCode: null, signal: 'SIGTERM', endedAt: 13 });
        expect(ended).toMatchObject({ state: 'cancelled', receipt, exitCode: null, signal: 'SIGTERM', endedAt: 13, epoch: 2 });
        refusal('illegal_transition', () => store.producers.update(id, { state: 'running', exitCode: 0 }));
        expect(store.producers.update(id, {})).toEqual(ended);
        refusal('not_found', () => store.producers.update(99, { epoch: 2 }));
      });

      test('producers are listed newest first, by any filter', () => {
        const ids = ['a', 'b', 'c'].map((slug) => newEntry(`log://turn_1/sh/${slug}`).id);
        for (const [n, entryId] of ids.entries()) {
          store.producers.create({ entryId, backend: 'process', runner: n === 1 ? 'client' : 'embedded', spec });
        }
        store.producers.update(ids[2]!, { state: 'running' });
        const listed = (filter: Parameters<Store['producers']['list']>[0]) => store.producers.list(filter).map(({ entryId }) => entryId);
        expect(listed({})).toEqual([...ids].reverse());
        expect(listed({ runId: run.id, states: ['queued'] })).toEqual([ids[1], ids[0]]);
        expect(listed({ sight: everyRun(projectId), runner: 'client' })).toEqual([ids[1]]);
        expect(listed({ sight: everyRun(projectId + 1) })).toEqual([]);
        expect(listed({ states: [] })).toEqual([]);
      });
    });

    describe('{#events} events', () => {
      const event = (runAlias: string | null, type: string) => store.events.append({ projectId, run: runAlias, type, payload: { type } });

      test('they are numbered from 1 in each project and replayed after any number', () => {
        expect(store.events.lastSeq(projectId)).toBe(0);
        const first = event('r1', 'a');
        event(null, 'b');
        const other = store.projects.open({ name: 'q', root: '/q', configPath: null });
        expect(store.events.append({ projectId: other.id, run: null, type: 'x', payload: {} }).seq).toBe(1);
        event('r1', 'c');
        expect(first).toEqual({ seq: 1, projectId, run: 'r1', type: 'a', payload: { type: 'a' }, madeWith: null, at: 1000 });
        const since = (seq: number, limit = 10) =>
          store.events.since({ sight: everyRun(projectId), seq, limit }).map((one) => [one.seq, one.type]);
        expect(since(0)).toEqual([
          [1, 'a'],
          [2, 'b'],
          [3, 'c'],
        ]);
        expect(since(1, 1)).toEqual([[2, 'b']]);
        expect(since(3)).toEqual([]);
        expect(store.events.lastSeq(projectId)).toBe(3);
      });

      test('a transaction that fails takes its numbers back', () => {
        expect(() =>
          store.transaction('durable', () => {
            event('r1', 'a');
            throw new Error('mistake');
          }),
        ).toThrow('mistake');
        expect(event('r1', 'b').seq).toBe(1);
      });

      test('the events of one run follow it through a rename', () => {
        event('r1', 'a');
        newRun('r2');
        event('r2', 'b');
        store.runs.configure(run.id, { alias: 'renamed' });
        event('renamed', 'c');
        event('nobody', 'd');
        const of = (alias: string, limit = 10) =>
          store.events.since({ sight: everyRun(projectId), run: alias, seq: 0, limit }).map(({ type }) => type);
        expect(of('renamed')).toEqual(['a', 'c']);
        expect(of('renamed', 1)).toEqual(['a']);
        expect(of('r1')).toEqual([]);
        expect(of('nobody')).toEqual(['d']);
      });

      test('the events of a deleted run are gone with it, and no number comes back', () => {
        event('r1', 'a');
        event('r1', 'b');
        store.runs.remove(run.id);
        expect(event('r1', 'deleted').seq).toBe(3);
        expect(store.events.since({ sight: everyRun(projectId), seq: 0, limit: 10 }).map(({ type }) => type)).toEqual(['deleted']);
        expect(store.events.since({ sight: everyRun(projectId), run: 'r1', seq: 0, limit: 10 }).map(({ type }) => type)).toEqual([
          'deleted',
        ]);
      });
    });

    describe('{#run_delete} deleting a run', () => {
      test('takes all it holds with it and touches no other run', () => {
        const loop = newLoop();
        const turn = store.turns.create({ runId: run.id, loopId: loop.id, sequence: 1 });
        store.turns.setContext(turn.id, { messages: [{ role: 'user', pieces: [] }], tools: [] });
        const proposal = newEntry('log://turn_1/sh/x', { loopId: loop.id });
        const spec = { command: 'ls', cwd: '/', env: {}, stdin: false };
        store.producers.create({ entryId: proposal.id, backend: 'process', runner: 'embedded', spec });
        const channel = newChannel('sh://turn_1/x_1');
        append(channel.id, 'bytes');
        const other = newRun('r2');
        const kept = store.entries.create({
          runId: other.id,
          path: 'sh://turn_1/x_1',
          category: 'data',
          status: 102,
          turn: 1,
          writer: 't',
        });
        append(kept.id, 'kept');
        store.runs.remove(run.id);
        expect(store.entries.list({ runId: run.id })).toEqual([]);
        expect(store.entries.byId(channel.id)).toBeUndefined();
        expect(store.channels.read(channel.id, 0, 10)).toHaveLength(0);
        expect(store.producers.get(proposal.id)).toBeUndefined();
        expect(store.loops.list(run.id)).toEqual([]);
        expect(store.turns.list(run.id)).toEqual([]);
        expect(store.turns.context(turn.id)).toEqual({ messages: [], tools: [] });
        expect(store.channels.read(kept.id, 0, 10).toString()).toBe('kept');
      });
    });
  });
}
