import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { tempStore } from '../../support/temp-store.ts';

let temp: Awaited<ReturnType<typeof tempStore>>;
beforeEach(async () => {
  temp = await tempStore();
});
afterEach(() => temp.close());

const count = (table: string) => {
  const db = new Database(temp.file, { readonly: true });
  const rows = db.prepare<[], number>(`select count(*) from ${table}`).pluck().get();
  db.close();
  return rows;
};

function newTurn() {
  const { store, run } = temp;
  const loop = store.loops.enqueue({ runId: run.id, mode: 'act', prompt: 'x', model: 'm', config: {} });
  return store.turns.create({ runId: run.id, loopId: loop.id, sequence: store.runs.nextTurn(run.id) });
}

describe('{#turn_context} the packets of a run', () => {
  it('have each message once, however many turns show it', () => {
    const message = (text: string) => ({
      role: 'user' as const,
      pieces: [{ form: 'literal' as const, path: null, from: 0, to: 0, tokens: 1, text }],
    });
    for (let turn = 1; turn <= 30; turn++) {
      const messages = Array.from({ length: turn }, (_, index) => message(`message ${index}`));
      temp.store.turns.setContext(newTurn().id, { messages, tools: [] });
    }
    // 30 messages and one list of tools.
    expect(count('context_messages')).toBe(31);
    const last = temp.store.turns.list(temp.run.id).at(-1)!;
    expect(temp.store.turns.context(last.id).messages.map(({ pieces }) => pieces[0]!.text)).toEqual(
      Array.from({ length: 30 }, (_, index) => `message ${index}`),
    );
  });

  it('of an earlier version answer the ranges that it kept', () => {
    const turn = newTurn();
    const db = new Database(temp.file);
    db.prepare('insert into turn_context values (?, 1, ?, 3, 9, 2)').run(turn.id, 'sh://turn_1/x_1');
    db.close();
    expect(temp.store.turns.context(turn.id)).toEqual({
      messages: [{ role: 'user', pieces: [{ form: 'digest', path: 'sh://turn_1/x_1', from: 3, to: 9, tokens: 2 }] }],
      tools: [],
    });
  });
});
