import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { everyRun } from '../../../src/model/sight.ts';
import { harness } from './harness.ts';

let h: Awaited<ReturnType<typeof harness>>;
beforeEach(async () => {
  h = await harness();
});
afterEach(() => h.close());

const note = (text: string) =>
  h.journal.commit('durable', (tx) => tx.event(h.run.projectId, null, 'ui/notify', { level: 'info', text, run: null }));
const stored = () => h.store.events.since({ sight: everyRun(h.run.projectId), seq: 0, limit: 100 }).map((event) => event.payload['text']);

describe('{#store_then_tell} the journal', () => {
  it('tells an event when it is in the store, not before', () => {
    const seen: unknown[] = [];
    h.journal.onEvent((event) => seen.push([event.payload['text'], stored().includes(event.payload['text'])]));
    h.journal.commit('durable', (tx) => {
      tx.event(h.run.projectId, null, 'ui/notify', { text: 'a' });
      expect(seen).toEqual([]);
    });
    expect(seen).toEqual([['a', true]]);
  });

  it('tells and stores nothing of a transaction that throws', () => {
    const failing = () =>
      h.journal.commit('durable', (tx) => {
        tx.event(h.run.projectId, null, 'ui/notify', { text: 'never' });
        h.store.runs.setStatus(h.run.id, 102, null);
        throw new Error('no');
      });
    expect(failing).toThrow('no');
    expect(h.events).toEqual([]);
    expect(stored()).toEqual([]);
    expect(h.store.runs.byId(h.run.id)?.status).toBe(100);
  });

  it('keeps the order of sequence numbers when a listener commits', () => {
    const seen: number[] = [];
    h.journal.onEvent((event) => {
      if (event.payload['text'] === 'a') note('caused by a');
    });
    h.journal.onEvent((event) => seen.push(event.seq));
    h.journal.commit('durable', (tx) => {
      tx.event(h.run.projectId, null, 'ui/notify', { text: 'a' });
      tx.event(h.run.projectId, null, 'ui/notify', { text: 'b' });
    });
    expect(stored()).toEqual(['a', 'b', 'caused by a']);
    expect(seen).toEqual([...seen].sort((x, y) => x - y));
  });

  it('goes on telling the others when one listener throws', () => {
    h.journal.onEvent(() => {
      throw new Error('mine');
    });
    const seen: unknown[] = [];
    h.journal.onEvent((event) => seen.push(event.payload['text']));
    note('x');
    expect(seen).toEqual(['x']);
  });
});
