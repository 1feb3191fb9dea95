import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { transitions } from '../../../src/model/status.ts';
import { newChannel, tempStore } from './support/temp.ts';

const key = ({ kind, from, to }: { kind: string; from: string; to: string }) => `${kind} ${from} -> ${to}`;

describe('{#state_tables} the database', () => {
  test('permits exactly the transitions of the code', async () => {
    const { file } = await tempStore();
    const db = new Database(file, { readonly: true });
    const stored = db
      .prepare<[], { kind: string; from: string; to: string }>('select kind, from_state as "from", to_state as "to" from transitions')
      .all();
    db.close();
    expect(stored.map(key).sort()).toEqual(transitions().map(key).sort());
  });

  test('refuses every other change of state by itself', async () => {
    const { store, file } = await tempStore();
    const channel = newChannel(store);
    const loop = store.loops.enqueue({ runId: 1, mode: 'ask', prompt: '', model: 'm', config: {} });
    store.producers.create({
      entryId: channel,
      backend: 'process',
      runner: 'embedded',
      spec: { command: '', cwd: '/', env: {}, stdin: false },
    });
    const db = new Database(file);
    const tables = [
      { kind: 'run', table: 'runs', column: 'status', key: 'id', id: 1 },
      { kind: 'loop', table: 'loops', column: 'status', key: 'id', id: loop.id },
      { kind: 'entry', table: 'entries', column: 'status', key: 'id', id: channel },
      { kind: 'producer', table: 'producers', column: 'state', key: 'entry_id', id: channel },
    ];
    const permitted = new Set(transitions().map(key));
    for (const { kind, table, column, key: idColumn, id } of tables) {
      const states = [
        ...new Set(
          transitions()
            .filter((one) => one.kind === kind)
            .flatMap(({ from, to }) => [from, to]),
        ),
      ];
      const trigger = db.prepare<[string], string>('select sql from sqlite_schema where name = ?').pluck().get(`${table}_transition`);
      const set = (state: string) => db.prepare(`update ${table} set ${column} = ? where ${idColumn} = ?`).run(state, id);
      for (const from of states) {
        for (const to of states) {
          // To start from any state, the guard is taken away and put back.
          db.exec(`drop trigger ${table}_transition`);
          set(from);
          db.exec(trigger!);
          if (from === to || permitted.has(key({ kind, from, to }))) expect(set(to).changes).toBe(1);
          else expect(() => set(to), `${kind} ${from} -> ${to}`).toThrow(`illegal_transition: ${kind}`);
        }
      }
    }
    db.close();
  });

  test('{#loop_states} allows one active loop of a run by itself', async () => {
    const { store, file } = await tempStore();
    newChannel(store);
    for (const prompt of ['a', 'b']) store.loops.enqueue({ runId: 1, mode: 'ask', prompt, model: 'm', config: {} });
    const db = new Database(file);
    expect(() => db.exec('update loops set status = 102')).toThrow(/UNIQUE/);
    db.close();
  });
});
